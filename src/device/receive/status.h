/* What the device answers when it is asked (PROTOCOL.md, "Subsystem fwssh"): nothing changes. */
#ifndef FWSSH_DEVICE_RECEIVE_STATUS_H
#define FWSSH_DEVICE_RECEIVE_STATUS_H

#include "base/error.h"
#include "device/config/device_config.h"
#include "wire/facts.h"

#include <stdbool.h>

/* The request status. volatile_key: the host key does not survive a reboot. 0, or -1 with the error
 * set when the slots cannot be read. */
int status_read(const struct device_config *config, bool volatile_key, struct facts *facts,
                struct error *err);

/* The request log: how the last update ended. */
void status_read_log(const struct device_config *config, struct facts *facts);

/*
 * What an update would meet, for an empty request: task, updater (its path), device; and problem,
 * why one of them cannot be found.
 */
void status_read_update(const struct device_config *config, struct facts *facts);

#endif
