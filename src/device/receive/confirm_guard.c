/* SPDX-License-Identifier: Apache-2.0 */
#include "device/receive/confirm_guard.h"

#include "base/io.h"
#include "base/log.h"
#include "base/spawn.h"
#include "device/config/log_events.h"
#include "device/receive/reboot.h"
#include "device/receive/slot_question.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#define GUARD_TICK_SECONDS 1
#define GUARD_LOOK_MS 20

static int guard_open_watchdog(const struct device_config *config)
{
    if (!*config->watchdog)
        return -1;
    int fd = open(config->watchdog, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        log_warning("cannot open the watchdog %s (key watchdog)", config->watchdog);
    return fd;
}

/* Any byte feeds it; a 'V' before close() disables it (the kernel's watchdog-api.rst). */
static void guard_feed(int watchdog, char byte)
{
    if (watchdog >= 0)
        (void)io_write_all(watchdog, &byte, 1);
}

/* A command that hangs is tried again, for as long as it takes: nothing else would reboot. */
static int guard_reboot(const struct device_config *config)
{
    while (reboot_run(config->reboot_command) > 0)
        continue;
    return EXIT_UNCONFIRMED;
}

/* What is known after at most one tick. If it cannot be read, that counts as not confirmed. */
static enum slot_answer guard_ask(struct slot_question *q, const struct device_config *config,
                                  double end)
{
    enum slot_answer answer = SLOT_ANSWER_LATER;
    struct error err;

    if (!q->pid && slot_question_confirmed(q, config, &err))
        log_warning("%s", err.text);
    while (q->pid && (answer = slot_question_poll(q)) == SLOT_ANSWER_LATER && io_now() < end)
        (void)poll(NULL, 0, GUARD_LOOK_MS);
    return answer;
}

/* Waits until it is confirmed or the time is up, whatever happens to who is asked. */
static enum slot_answer guard_watch(const struct device_config *config, int watchdog, double end)
{
    enum slot_answer answer = SLOT_ANSWER_LATER;
    struct slot_question q = {0};

    /* At least one answer, even without any time. */
    if (end < io_now() + GUARD_TICK_SECONDS)
        end = io_now() + GUARD_TICK_SECONDS;
    do {
        guard_feed(watchdog, '.');
        double tick = io_now() + GUARD_TICK_SECONDS;
        if (tick > end)
            tick = end;
        answer = guard_ask(&q, config, tick);
        while (answer != SLOT_ANSWER_CONFIRMED && answer != SLOT_ANSWER_UNKNOWN && io_now() < tick)
            (void)poll(NULL, 0, GUARD_LOOK_MS);
    } while (answer != SLOT_ANSWER_CONFIRMED && answer != SLOT_ANSWER_UNKNOWN && io_now() < end);
    if (q.pid)
        kill(q.pid, SIGKILL);
    return answer;
}

int confirm_guard_run(const struct device_config *config, int seconds)
{
    int watchdog = guard_open_watchdog(config);
    enum slot_answer answer = guard_watch(config, watchdog, io_now() + seconds);

    if (answer == SLOT_ANSWER_CONFIRMED || answer == SLOT_ANSWER_UNKNOWN) {
        guard_feed(watchdog, 'V');
        io_close(&watchdog);
        if (answer == SLOT_ANSWER_CONFIRMED)
            return EXIT_DONE;
        log_error("this device cannot report whether its firmware is confirmed; not waiting for a "
                  "confirmation");
        return EXIT_FAILED;
    }
    log_event(LOG_LEVEL_ERROR, EVENT_NOT_CONFIRMED, NULL,
              "the running firmware was not confirmed within %d seconds; rebooting", seconds);
    /* The watchdog stays open and is not fed: it resets the device if the reboot hangs. */
    return guard_reboot(config);
}
