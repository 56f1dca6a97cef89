/* SPDX-License-Identifier: Apache-2.0 */
#include "device/slots/device_path.h"

#include "base/memory.h"
#include "device/slots/uboot_vars.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DEVICE_PATH_VARIABLE "nerves_fw_devpath"

static char *device_path_from_uboot(const char *env_config, struct error *err)
{
    struct uboot_ctx *ctx = uboot_vars_open(env_config, err);

    if (!ctx) {
        error_prefix(err, "device is \"uboot-env\"");
        return NULL;
    }
    char *path = libuboot_get_env(ctx, DEVICE_PATH_VARIABLE);
    if (!path)
        error_set(err, EXIT_FAILED,
                  "device is \"uboot-env\", but the U-Boot environment has no " DEVICE_PATH_VARIABLE
                  "; set it, or name the device in the configuration");
    uboot_vars_close(ctx);
    return path;
}

char *device_path_find(const struct device_config *config, struct error *err)
{
    bool from_uboot = !strcmp(config->device, "uboot-env");
    char *path = from_uboot ? device_path_from_uboot(config->uboot_env_config, err)
                            : memory_text(config->device);
    char *resolved = NULL;
    struct stat st;

    if (!path && config->own_program)
        error_suffix(err, "nothing was done; name the device with --agent-option device=PATH");
    if (!path)
        return NULL;
    resolved = realpath(path, NULL);
    if (!resolved || stat(resolved, &st)) {
        error_errno(err, "cannot find the device %s (key device)", path);
        goto failed;
    }
    if (!S_ISBLK(st.st_mode) && !S_ISREG(st.st_mode) && !S_ISCHR(st.st_mode)) {
        error_set(err, EXIT_FAILED, "%s (key device) is neither a device nor an image file", path);
        goto failed;
    }
    free(path);
    return resolved;
failed:
    free(path);
    free(resolved);
    return NULL;
}
