/* SPDX-License-Identifier: Apache-2.0 */
/* Finds, before anybody pushes, what an update would fail at. */
#ifndef FWSSH_DEVICE_RECEIVE_SELF_CHECK_H
#define FWSSH_DEVICE_RECEIVE_SELF_CHECK_H

#include "device/config/device_config.h"

/* what: perhaps with a colon and what is worth knowing. problem: NULL, or one line with the next
 * step. */
typedef void self_check_tell(void *context, const char *what, const char *problem);

/*
 * Calls tell() for each thing that has been looked at: the device, updater, lock, state-dir,
 * firmware keys, hooks and other commands, slots. The updater is asked for its version, and the
 * slot driver is run, with their time limits. Nothing is written, except that the directories of
 * lock and state are created if they are missing, the latter only to see whether that works.
 * Returns the number of problems.
 */
unsigned self_check(const struct device_config *config, self_check_tell *tell, void *context);

#endif
