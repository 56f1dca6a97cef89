/* A site's own commands before and behind an update (fwsshd.conf(5), hook-precheck ...). */
#ifndef FWSSH_DEVICE_RECEIVE_HOOK_H
#define FWSSH_DEVICE_RECEIVE_HOOK_H

#include "device/config/device_config.h"
#include "device/receive/client.h"
#include "device/receive/result.h"

/*
 * Asks hook-precheck whether an update may begin: 0 if it ends with status 0, or there is none; -1
 * with EXIT_REFUSED else. What it prints reaches the person who pushes.
 */
int hook_precheck(const struct device_config *config, const char *device, struct client *client,
                  struct error *err);

/* Runs hook-success or hook-failure; what comes of it goes to the result's note, for the log. */
void hook_tell(const struct device_config *config, const char *device, struct result *result);

#endif
