/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When a version counts as the newest (key refuse-older): not when it is installed, since it may
 * fail and the device go back, but when that firmware is confirmed, or at its first start where
 * nothing confirms. Until then it waits in state-dir/pending-version, which the updater writes.
 */
#ifndef FWSSH_DEVICE_RECEIVE_VERSION_SETTLE_H
#define FWSSH_DEVICE_RECEIVE_VERSION_SETTLE_H

#include "base/error.h"
#include "device/config/device_config.h"

/* Looks whether a firmware has proved itself since, and records that. Called at the start of
 * fwsshd, after a confirmation and before an update. Returns 0; 1 with a text for the log in err if
 * the file was damaged, so that the version of what runs counts; or -1 with the error set if a
 * version should be recorded and cannot be. */
int version_settle(const struct device_config *config, struct error *err);

#endif
