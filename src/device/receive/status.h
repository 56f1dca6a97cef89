/* SPDX-License-Identifier: Apache-2.0 */
/* What the device reports about itself (PROTOCOL.md, "Subsystem fwssh"). Changes nothing. */
#ifndef FWSSH_DEVICE_RECEIVE_STATUS_H
#define FWSSH_DEVICE_RECEIVE_STATUS_H

#include "base/error.h"
#include "device/config/device_config.h"
#include "wire/facts.h"

#include <stdbool.h>

/* The request status. volatile_key: the host key does not survive a reboot. Returns 0, or -1 with
 * the error set if the slots cannot be read. */
int status_read(const struct device_config *config, bool volatile_key, struct facts *facts,
                struct error *err);

/* The request log: how the last update ended. */
void status_read_log(const struct device_config *config, struct facts *facts);

/* Answers an empty request (PROTOCOL.md, "An empty request"): sets task, updater (its path) and
 * device, and problem if self_check() finds any. */
void status_read_update(const struct device_config *config, struct facts *facts);

#endif
