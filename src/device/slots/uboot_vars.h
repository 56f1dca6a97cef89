/* The U-Boot environment of the running system, as fw_env.config(5) describes it. */
#ifndef FWSSH_DEVICE_SLOTS_UBOOT_VARS_H
#define FWSSH_DEVICE_SLOTS_UBOOT_VARS_H

#include "base/error.h"

#include <stddef.h> /* for the next one, which uses size_t */

#include <libuboot.h>

/* Opens and reads it; NULL with the error set. uboot_vars_close() ends it. */
struct uboot_ctx *uboot_vars_open(const char *env_config, struct error *err);
void uboot_vars_close(struct uboot_ctx *ctx);

/* Writes what was changed: the copy that is not in force, which is then in force. */
int uboot_vars_store(struct uboot_ctx *ctx, struct error *err);

#endif
