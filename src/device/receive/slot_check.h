/* SPDX-License-Identifier: Apache-2.0 */
/* Checks of the device's slots before an update, and after a failed one. */
#ifndef FWSSH_DEVICE_RECEIVE_SLOT_CHECK_H
#define FWSSH_DEVICE_RECEIVE_SLOT_CHECK_H

#include "base/error.h"
#include "device/config/device_config.h"
#include "device/receive/client.h"
#include "wire/facts.h"

/*
 * Before an update. Returns -1 with the error set (EXIT_REFUSED) if it would overwrite the running
 * slot, because another update has not booted yet; or the one that a firmware on trial would go
 * back to; or if what is known contradicts itself. If the running firmware is not confirmed, the
 * key unconfirmed decides whether the client is warned or the update refused. Returns 0 even if
 * nothing is known about the slots, with a note in the result; if they cannot be read, the client
 * is warned. facts: replaced by what was read, or by nothing; the caller frees them.
 */
int slot_check_before(const struct device_config *config, struct client *client,
                      struct facts *facts, struct error *err);

/* The same before another firmware of a session; slots that cannot be read refuse it, because the
 * one before may have switched. */
int slot_check_between(const struct device_config *config, struct client *client,
                       struct facts *facts, struct error *err);

/* After a failed update. Appends to the error what the device is, if the firmware does not fit it,
 * and a warning if the new slot boots next anyway. */
void slot_check_after_failure(const struct device_config *config, struct error *err);

#endif
