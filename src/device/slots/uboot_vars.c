#include "device/slots/uboot_vars.h"

#include <stddef.h>
#include <unistd.h>

void uboot_vars_close(struct uboot_ctx *ctx)
{
    libuboot_close(ctx);
    libuboot_exit(ctx);
}

struct uboot_ctx *uboot_vars_open(const char *env_config, struct error *err)
{
    struct uboot_ctx *ctx = NULL;

    if (access(env_config, R_OK)) {
        error_errno(err, "cannot read %s (key uboot-env-config)", env_config);
        return NULL;
    }
    if (libuboot_initialize(&ctx, NULL) < 0) {
        error_set(err, EXIT_FAILED, "cannot initialize libubootenv");
        return NULL;
    }
    if (libuboot_read_config(ctx, env_config) < 0 || libuboot_open(ctx) < 0) {
        error_set(err, EXIT_FAILED, "cannot read the U-Boot environment described by %s",
                  env_config);
        uboot_vars_close(ctx); /* a failed open keeps the machine-wide lock until it is closed */
        return NULL;
    }
    return ctx;
}

int uboot_vars_store(struct uboot_ctx *ctx, struct error *err)
{
    if (libuboot_env_store(ctx) < 0)
        return error_set(err, EXIT_FAILED, "cannot write the U-Boot environment");
    sync();
    return 0;
}
