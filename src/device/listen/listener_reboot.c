/* SPDX-License-Identifier: Apache-2.0 */
/* The reboot: started when the session has closed its channel, or after 3 s. The device stays
 * locked until it goes down, so that no other update can start in between. */
#include "base/device_lock.h"
#include "base/io.h"
#include "base/log.h"
#include "base/spawn.h"
#include "device/config/log_events.h"
#include "device/listen/listener.h"
#include "device/receive/reboot.h"

#include <sys/wait.h>

#define REBOOT_CLOSE_SECONDS 3
#define REBOOT_HAPPENS_SECONDS 60

void listener_want_reboot(struct listener *l, const struct connection *c, int lock)
{
    io_close(&l->reboot_lock);
    l->reboot_lock = lock;
    if (lock >= 0)
        device_lock_note_reboot(lock);
    l->reboot_wanted = true;
    l->reboot_after = c->session ? c : NULL;
    l->reboot_at = io_now() + REBOOT_CLOSE_SECONDS;
}

void listener_channel_closed(struct listener *l, const struct connection *c)
{
    if (l->reboot_after == c)
        l->reboot_after = NULL;
}

static void listener_release(struct listener *l)
{
    io_close(&l->reboot_lock);
    l->reboot_at = 0;
}

static void listener_reboot(struct listener *l, double now)
{
    struct error err;

    l->reboot_wanted = false;
    log_event(LOG_LEVEL_INFO, EVENT_REBOOTING, NULL, "rebooting: %s", l->config.reboot_command);
    l->reboot_pid = reboot_start(l->config.reboot_command, &err);
    if (l->reboot_pid < 0) {
        log_event(LOG_LEVEL_ERROR, EVENT_REBOOT_FAILED, NULL,
                  "%s (key reboot-command); the new firmware starts at the next reboot", err.text);
        l->reboot_pid = 0;
        listener_release(l);
        return;
    }
    l->reboot_at = now + REBOOT_HAPPENS_SECONDS;
}

void listener_check_reboot(struct listener *l, double now)
{
    if (l->reboot_wanted && (!l->reboot_after || now >= l->reboot_at))
        listener_reboot(l, now);
    if (!l->reboot_wanted && l->reboot_at > 0 && now >= l->reboot_at) {
        log_event(LOG_LEVEL_ERROR, EVENT_REBOOT_FAILED, NULL,
                  "no reboot within %d seconds; accepting updates again", REBOOT_HAPPENS_SECONDS);
        if (l->reboot_pid)
            reboot_kill(l->reboot_pid);
        listener_release(l);
    }
}

bool listener_reap_reboot(struct listener *l, pid_t pid, int status)
{
    char how[80];

    if (pid != l->reboot_pid || !pid)
        return false;
    l->reboot_pid = 0;
    if (status) {
        spawn_describe(status, how, sizeof how);
        log_event(LOG_LEVEL_ERROR, EVENT_REBOOT_FAILED, NULL, "the reboot command %s", how);
        listener_release(l);
    }
    return true;
}
