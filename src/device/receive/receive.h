/* One update: header, jobs, updater, result (PROTOCOL.md, "States"). */
#ifndef FWSSH_DEVICE_RECEIVE_RECEIVE_H
#define FWSSH_DEVICE_RECEIVE_RECEIVE_H

#include "device/config/device_config.h"
#include "device/receive/client.h"
#include "device/receive/result.h"
#include "wire/subsystem.h"

/*
 * Serves the client from its first byte to the last word to it. The result is filled in any case.
 * The lock's descriptor is given out (-1 if it was not taken), and the device's path (or NULL);
 * both are the caller's. volatile_key: the device's host key does not survive a reboot, which
 * status tells.
 */
void receive_run(const struct device_config *config, const struct subsystem *subsystem,
                 bool volatile_key, struct client *client, struct result *result, int *lock,
                 char **device);

#endif
