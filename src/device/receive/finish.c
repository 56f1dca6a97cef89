#include "device/receive/finish.h"

#include "base/log.h"
#include "device/receive/hook.h"
#include "device/receive/reboot.h"

/* Not of what was refused before it had the device, nor of other requests. */
static void finish_hook(struct job *j)
{
    if (j->lock >= 0 && result_is_update(&j->result))
        hook_tell(j->config, j->device, &j->result);
}

/* The listener logs and reboots. It has the result before the hook starts, in which we may be
 * killed. If it is gone, the reboot is ours. */
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
    result_keep(&j->result, j->config->state_dir);
    if (listener >= 0)
        finish_with_listener(j, listener);
    else
        finish_alone(j);
}
