/* Which device or image an update writes. Never guessed. */
#ifndef FWSSH_DEVICE_SLOTS_DEVICE_PATH_H
#define FWSSH_DEVICE_SLOTS_DEVICE_PATH_H

#include "device/config/device_config.h"

/*
 * The resolved path of the key device; "uboot-env" takes nerves_fw_devpath from the U-Boot
 * environment that uboot-env-config describes. It must be there: an updater would make a plain file
 * in its place. The caller frees the result; NULL with the error set.
 */
char *device_path_find(const struct device_config *config, struct error *err);

#endif
