/* SPDX-License-Identifier: Apache-2.0 */
/* Reads, changes and writes U-Boot environments (docs/fw-format.md, "U-Boot environment"). */
#ifndef FWSSH_ENGINE_APPLY_UBOOT_ENV_H
#define FWSSH_ENGINE_APPLY_UBOOT_ENV_H

#include "engine/archive/uboot_table.h"
#include "engine/medium/block_cache.h"

struct uboot_env {
    size_t count;
    char **pairs;    /* "name=value", sorted by name; owned */
    int copy;        /* the copy that was read */
    uint8_t counter; /* of that copy, if redundant */
};

/* Parses the bytes of one copy, in place of what env had. data: what follows the CRC (and counter).
 * Takes time in proportion to len, but for sorting. 0, or -1 with the error set. */
int uboot_env_parse(struct uboot_env *env, const uint8_t *data, size_t len, struct error *err);

/* Formats the bytes of one copy; unused ones are 0xff. */
int uboot_env_format(const struct uboot_env *env, uint8_t *data, size_t len, struct error *err);

const char *uboot_env_get(const struct uboot_env *env, const char *name);
void uboot_env_set(struct uboot_env *env, const char *name, const char *value);
void uboot_env_unset(struct uboot_env *env, const char *name);
void uboot_env_free(struct uboot_env *env);

/* Through the cache. Reading uses the newer valid copy; writing goes to the other one, with the
 * next counter. */
int uboot_env_read(struct uboot_env *env, const struct uboot_table *table,
                   struct block_cache *cache, struct error *err);
int uboot_env_write(const struct uboot_env *env, const struct uboot_table *table,
                    struct block_cache *cache, struct error *err);

/* Writes an empty environment to every copy. */
int uboot_env_clear(const struct uboot_table *table, struct block_cache *cache, struct error *err);

#endif
