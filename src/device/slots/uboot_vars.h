/* SPDX-License-Identifier: Apache-2.0 */
/* The U-Boot environment of the running system, described by a file in fw_env.config's format. */
#ifndef FWSSH_DEVICE_SLOTS_UBOOT_VARS_H
#define FWSSH_DEVICE_SLOTS_UBOOT_VARS_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h> /* libuboot.h uses size_t without it */

#include <libuboot.h>

/* Opens and reads the environment; NULL with the error set, EXIT_REFUSED if another program holds
 * its lock. Release it with uboot_vars_close(). */
struct uboot_ctx *uboot_vars_open(const char *env_config, struct error *err);
void uboot_vars_close(struct uboot_ctx *ctx);

/* Whether another program holds its lock, for longer than we wait; then the error is set. */
bool uboot_vars_are_busy(struct error *err);

/* Writes the changes to the inactive copy, which then becomes the active one. Returns 0, or -1 with
 * the error set. */
int uboot_vars_store(struct uboot_ctx *ctx, struct error *err);

#endif
