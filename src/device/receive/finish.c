/* SPDX-License-Identifier: Apache-2.0 */
#include "device/receive/finish.h"

#include "base/io.h"
#include "base/log.h"
#include "device/receive/hook.h"
#include "device/receive/metrics.h"
#include "device/receive/reboot.h"
#include "device/receive/result_log.h"

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
    struct result_source from = {.address = "",
                                 .key = "",
                                 .task = result_task(&j->result, j->config),
                                 .seconds = io_now() - j->started};
    struct error err;

    finish_hook(j);
    result_log(&j->result, &from);
    if (j->result.reboot && reboot_later(j->config->reboot_command, j->lock, &err)) {
        log_error("%s", err.text);
        j->result.status = EXIT_FAILED;
    }
}

void finish(struct job *j, int listener)
{
    result_keep(&j->result, j->config);
    metrics_write(j->config, &j->result, io_now() - j->started);
    if (listener >= 0)
        finish_with_listener(j, listener);
    else
        finish_alone(j);
}
