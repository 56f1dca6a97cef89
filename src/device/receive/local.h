/* SPDX-License-Identifier: Apache-2.0 */
/* fwssh-receive --status, --confirm and --revert, for the device's start-up scripts. */
#ifndef FWSSH_DEVICE_RECEIVE_LOCAL_H
#define FWSSH_DEVICE_RECEIVE_LOCAL_H

#include "device/config/device_config.h"

/* Each prints errors to standard error and returns the exit status. */
int local_status(const struct device_config *config);
int local_confirm(const struct device_config *config);
int local_revert(const struct device_config *config, const char *reason);

#endif
