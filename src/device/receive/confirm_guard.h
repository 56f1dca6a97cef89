/*
 * "Confirmed within so many seconds, or reboot": run by a device's start-up scripts beside their
 * self-test. Meanwhile it feeds the hardware's watchdog (key watchdog), so that a kernel that hangs
 * is reset, too; and stops when time is up, so that a reboot that hangs is.
 */
#ifndef FWSSH_DEVICE_RECEIVE_CONFIRM_GUARD_H
#define FWSSH_DEVICE_RECEIVE_CONFIRM_GUARD_H

#include "device/config/device_config.h"

/* EXIT_DONE when the running firmware is confirmed (at once, if it is already); else the reboot has
 * been started and EXIT_UNCONFIRMED is returned, or EXIT_FAILED with a line in the log. */
int confirm_guard_run(const struct device_config *config, int seconds);

#endif
