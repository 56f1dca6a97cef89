/* SPDX-License-Identifier: Apache-2.0 */
/* Two copies of a U-Boot environment on a device: read, changed, written, read again. */
#include "fuzz.h"

#include "engine/apply/uboot_env.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct fuzz_medium medium;
    struct block_cache_options options = {0};
    struct uboot_table table = {.size = 2048, .offset = {0, 2048}, .redundant = size & 1};
    struct uboot_env env = {0};
    struct error err;

    /* The parser on its own, without the checksum. */
    if (!uboot_env_parse(&env, data, size, &err))
        uboot_env_set(&env, "slot", "b");
    uboot_env_free(&env);
    fuzz_medium_init(&medium, data, size);
    struct block_cache *cache = block_cache_new(&medium.medium, &options);
    if (!uboot_env_read(&env, &table, cache, &err)) {
        uboot_env_set(&env, "slot", "b");
        uboot_env_unset(&env, "other");
        (void)uboot_env_get(&env, "bootcmd");
        if (!uboot_env_write(&env, &table, cache, &err)) {
            uboot_env_free(&env);
            if (uboot_env_read(&env, &table, cache, &err))
                __builtin_trap(); /* what was written must be readable */
        }
        uboot_env_free(&env);
    }
    block_cache_free(cache);
    return 0;
}
