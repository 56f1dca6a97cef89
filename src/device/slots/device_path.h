/* SPDX-License-Identifier: Apache-2.0 */
/* Which device or image an update writes to. Never guessed. */
#ifndef FWSSH_DEVICE_SLOTS_DEVICE_PATH_H
#define FWSSH_DEVICE_SLOTS_DEVICE_PATH_H

#include "device/config/device_config.h"

/*
 * Returns the resolved path of the key device, which the caller frees, or NULL with the error set.
 * "uboot-env" stands for nerves_fw_devpath in the U-Boot environment described by uboot-env-config.
 * The device must exist: otherwise an updater would create a regular file in its place.
 */
char *device_path_find(const struct device_config *config, struct error *err);

#endif
