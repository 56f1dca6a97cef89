/* SPDX-License-Identifier: Apache-2.0 */
/* The site's own commands before and after an update (fwsshd.conf(5), hook-precheck ...). */
#ifndef FWSSH_DEVICE_RECEIVE_HOOK_H
#define FWSSH_DEVICE_RECEIVE_HOOK_H

#include "device/config/device_config.h"
#include "device/receive/client.h"
#include "device/receive/result.h"

/* Asks hook-precheck whether an update may start. Returns 0 if it exits with status 0 or is not
 * set, else -1 with the error set (EXIT_REFUSED). What it prints is sent to the client. */
int hook_precheck(const struct device_config *config, const char *device,
                  const struct result *result, struct client *client, struct error *err);

/* Runs hook-success or hook-failure; its output or failure is added to the result's note, for the
 * log. */
void hook_tell(const struct device_config *config, const char *device, struct result *result);

#endif
