#include "device/receive/confirm_guard.h"

#include "base/io.h"
#include "base/log.h"
#include "base/spawn.h"
#include "device/receive/reboot.h"
#include "device/receive/version_settle.h"
#include "device/slots/slot_driver.h"
#include "wire/slot_facts.h"

#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#define GUARD_TICK_MS 1000

/* If it cannot be read, it counts as not confirmed: the caller tries again. */
static bool guard_is_confirmed(const struct device_config *config)
{
    struct facts facts = {0};
    struct error ignored;

    bool confirmed =
        !slot_driver_read(config, &facts, &ignored) && slot_facts_are_confirmed(&facts);
    facts_free(&facts);
    return confirmed;
}

/* A device that can never report a confirmation would reboot after every start. */
static bool guard_can_know(const struct device_config *config, struct error *err)
{
    const struct slot_driver *driver;
    struct facts facts = {0};
    struct slot_view v;
    int rc = slot_driver_open(&v, &driver, config, &facts, err);
    const char *confirmed = facts_get(&facts, "confirmed");
    bool knows = driver && driver->knows_confirmed &&
                 (rc || (strcmp(confirmed, "unknown") != 0 && strcmp(confirmed, "none") != 0));

    if (driver && !knows)
        error_set(err, EXIT_FAILED,
                  "the slot driver %s cannot report whether the firmware is confirmed",
                  driver->name);
    slot_view_close(&v);
    facts_free(&facts);
    return knows;
}

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

static int guard_reboot(const struct device_config *config)
{
    struct error err;

    pid_t pid = reboot_start(config->reboot_command, &err);
    if (pid < 0) {
        log_error("%s", err.text);
        return EXIT_FAILED;
    }
    spawn_wait(pid);
    return EXIT_UNCONFIRMED;
}

int confirm_guard_run(const struct device_config *config, int seconds)
{
    struct error err;

    if (!guard_can_know(config, &err)) {
        log_error("%s; not waiting for a confirmation", err.text);
        return EXIT_FAILED;
    }
    int watchdog = guard_open_watchdog(config);
    double end = io_now() + seconds;
    bool confirmed;

    while (!(confirmed = guard_is_confirmed(config)) && io_now() < end) {
        guard_feed(watchdog, '.');
        double left = (end - io_now()) * 1000;
        (void)poll(NULL, 0, left > GUARD_TICK_MS ? GUARD_TICK_MS : left > 0 ? (int)left + 1 : 0);
    }
    if (confirmed) {
        if (version_settle(config, &err))
            log_error("%s", err.text);
        guard_feed(watchdog, 'V');
        io_close(&watchdog);
        return EXIT_DONE;
    }
    log_error("the running firmware was not confirmed within %d seconds; rebooting", seconds);
    /* The watchdog stays open and is not fed: it resets the device if the reboot hangs. */
    return guard_reboot(config);
}
