/* SPDX-License-Identifier: Apache-2.0 */
#include "device/receive/finish.h"

#include "base/log.h"
#include "device/receive/hook.h"
#include "device/receive/reboot.h"

/* Only for updates, and only if they got the device's lock. */
static void finish_hook(struct job *j)
{
    if (j->lock >= 0 && result_is_update(&j->result))
        hook_tell(j->config, j->device, &j->result);
}

/* The listener logs and reboots. It gets the result before the hook runs, because we may be killed
 * during the hook. If the listener is gone, we reboot ourselves. */
static void finish_with_listener(struct job *j, int listener)
{
    int handed = j->result.reboot ? j->lock : -1;
    struct error err;

    bool told = !result_send(listener, &j->result, handed);
    finish_hook(j);
    if (told && *j->result.note)
        (void)result_send(listener, &j->result, handed);
    if (!told && j->result.reboot && reboot_later(j->config->reboot_command, j->lock, &err))
        log_error("%s", err.text);
}

static void finish_alone(struct job *j)
{
    char text[700];
    struct error err;

    finish_hook(j);
    result_describe(&j->result, text, sizeof text);
    log_at(j->result.status && !j->result.asked ? LOG_LEVEL_ERROR : LOG_LEVEL_INFO, "%s", text);
    if (*j->result.note)
        log_info("%s", j->result.note);
    if (j->result.reboot && reboot_later(j->config->reboot_command, j->lock, &err)) {
        log_error("%s", err.text);
        j->result.status = EXIT_FAILED;
    }
}

void finish(struct job *j, int listener)
{
    result_keep(&j->result, j->config);
    if (listener >= 0)
        finish_with_listener(j, listener);
    else
        finish_alone(j);
}
