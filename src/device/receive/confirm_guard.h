/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reboots unless the running firmware is confirmed in time: fwssh-receive --confirm-within, run by
 * a device's start-up scripts alongside their self-test. Meanwhile it feeds the hardware watchdog
 * (key watchdog), so that a kernel that hangs is reset; it stops feeding when the time is up, so
 * that a reboot that hangs ends in a reset, too.
 */
#ifndef FWSSH_DEVICE_RECEIVE_CONFIRM_GUARD_H
#define FWSSH_DEVICE_RECEIVE_CONFIRM_GUARD_H

#include "device/config/device_config.h"

/* Returns EXIT_DONE as soon as the running firmware is confirmed, EXIT_UNCONFIRMED when it was not
 * and the reboot has been started, EXIT_FAILED (with a line in the log) if neither is possible. */
int confirm_guard_run(const struct device_config *config, int seconds);

#endif
