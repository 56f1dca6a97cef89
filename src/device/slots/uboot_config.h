/* SPDX-License-Identifier: Apache-2.0 */
/* fw_env.config: what is wrong with it, or with the environment that it describes. */
#ifndef FWSSH_DEVICE_SLOTS_UBOOT_CONFIG_H
#define FWSSH_DEVICE_SLOTS_UBOOT_CONFIG_H

#include "base/error.h"

#include <stdbool.h>

/* Whether the file describes an environment; true also if it cannot be read. libubootenv leaks
 * memory if it does not. */
bool uboot_config_has_copy(const char *path);

/*
 * Before libubootenv reads: drops what the kernel has cached of the partitions that the file names,
 * because an updater writes on the disk below. -1, with the error set (EXIT_REFUSED), if an
 * environment is a file that was changed there.
 */
int uboot_config_prepare(const char *path, struct error *err);

/*
 * After libubootenv has failed, which gives no reason: sets the error to what is wrong (a missing
 * device, the syntax, the size, or no good checksum). Always returns -1.
 */
int uboot_config_explain(const char *path, struct error *err);

#endif
