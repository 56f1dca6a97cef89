#include "engine/apply/uboot_env.h"

#include "base/bytes.h"
#include "base/memory.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

void uboot_env_free(struct uboot_env *env)
{
    for (size_t i = 0; i < env->count; i++)
        free(env->pairs[i]);
    free(env->pairs);
    *env = (struct uboot_env){0};
}

static size_t uboot_name_length(const char *pair)
{
    return strcspn(pair, "=");
}

/* The position of a name, or where it would be inserted; *found says which. */
static size_t uboot_env_find(const struct uboot_env *env, const char *name, size_t len, bool *found)
{
    size_t i;

    *found = false;
    for (i = 0; i < env->count; i++) {
        size_t have = uboot_name_length(env->pairs[i]);
        int order = strncmp(env->pairs[i], name, have < len ? have : len);
        if (!order)
            order = have < len ? -1 : have > len;
        if (order < 0)
            continue;
        *found = order == 0;
        break;
    }
    return i;
}

const char *uboot_env_get(const struct uboot_env *env, const char *name)
{
    bool found;
    size_t i = uboot_env_find(env, name, strlen(name), &found);

    return found ? env->pairs[i] + strlen(name) + 1 : NULL;
}

static void uboot_env_remove(struct uboot_env *env, size_t i)
{
    free(env->pairs[i]);
    memmove(env->pairs + i, env->pairs + i + 1, (env->count - i - 1) * sizeof *env->pairs);
    env->count--;
}

/* Takes ownership of pair. */
static void uboot_env_put(struct uboot_env *env, char *pair)
{
    bool found;
    size_t i = uboot_env_find(env, pair, uboot_name_length(pair), &found);

    if (found)
        uboot_env_remove(env, i);
    env->pairs = memory_resize(env->pairs, (env->count + 1) * sizeof *env->pairs);
    memmove(env->pairs + i + 1, env->pairs + i, (env->count - i) * sizeof *env->pairs);
    env->pairs[i] = pair;
    env->count++;
}

void uboot_env_set(struct uboot_env *env, const char *name, const char *value)
{
    uboot_env_put(env, memory_printf("%s=%s", name, value));
}

void uboot_env_unset(struct uboot_env *env, const char *name)
{
    bool found;
    size_t i = uboot_env_find(env, name, strlen(name), &found);

    if (found)
        uboot_env_remove(env, i);
}

int uboot_env_parse(struct uboot_env *env, const uint8_t *data, size_t len, struct error *err)
{
    const char *p = (const char *)data, *end = p + len;

    while (p < end && *p) {
        size_t n = strnlen(p, (size_t)(end - p));
        if (p + n == end || !memchr(p, '=', n))
            return error_set(err, EXIT_MISMATCH, "Invalid U-boot environment");
        uboot_env_put(env, memory_text(p));
        p += n + 1;
    }
    return 0;
}

int uboot_env_format(const struct uboot_env *env, uint8_t *data, size_t len, struct error *err)
{
    size_t at = 0;

    memset(data, 0xff, len);
    for (size_t i = 0; i < env->count; i++) {
        size_t n = strlen(env->pairs[i]) + 1;
        if (at + n + 2 > len)
            return error_set(err, EXIT_FAILED, "Not enough room in U-boot environment");
        memcpy(data + at, env->pairs[i], n);
        at += n;
    }
    data[at] = '\0';
    /* An empty environment is two NULs: the end of a first, empty item and of the list. */
    if (!env->count)
        data[1] = '\0';
    return 0;
}

/* CRC32 (little-endian), a counter byte if redundant, data; the CRC covers only the data. */
static size_t uboot_header(const struct uboot_table *table)
{
    return table->redundant ? 5 : 4;
}

static bool uboot_crc_is_good(const struct uboot_table *table, const uint8_t *copy)
{
    size_t header = uboot_header(table);

    return bytes_le32(copy) == (uint32_t)crc32(0, copy + header, (uInt)(table->size - header));
}

/* The copy to read, or -1. Of two good ones, the second if its counter is ahead by 1 to 127 (modulo
 * 256), else the first. */
static int uboot_choose(const struct uboot_table *table, const uint8_t *copies[2])
{
    bool good[2] = {uboot_crc_is_good(table, copies[0]),
                    table->redundant && uboot_crc_is_good(table, copies[1])};

    if (!good[0] && !good[1])
        return -1;
    if (!good[0] || !good[1])
        return good[0] ? 0 : 1;
    uint8_t ahead = (uint8_t)(copies[1][4] - copies[0][4]);
    return ahead == 0 || ahead >= 128 ? 0 : 1;
}

int uboot_env_read(struct uboot_env *env, const struct uboot_table *table,
                   struct block_cache *cache, struct error *err)
{
    uint8_t *bytes = memory_new(2, table->size);
    const uint8_t *copies[2] = {bytes, bytes + table->size};
    size_t header = uboot_header(table);
    int rc = -1;

    *env = (struct uboot_env){0};
    for (int i = 0; i < (table->redundant ? 2 : 1); i++)
        if (block_cache_read(cache, table->offset[i], bytes + (size_t)i * table->size, table->size,
                             err))
            goto cleanup;
    env->copy = uboot_choose(table, copies);
    if (env->copy < 0) {
        error_set(err, EXIT_MISMATCH, "U-boot environment (block %llu) CRC32 mismatch",
                  (unsigned long long)(table->offset[0] / BLOCK_SIZE));
        goto cleanup;
    }
    env->counter = copies[env->copy][4];
    rc = uboot_env_parse(env, copies[env->copy] + header, table->size - header, err);
    if (rc)
        uboot_env_free(env);
cleanup:
    free(bytes);
    return rc;
}

static int uboot_write_copy(const struct uboot_env *env, const struct uboot_table *table, int copy,
                            uint8_t counter, struct block_cache *cache, struct error *err)
{
    uint8_t *bytes = memory_new(1, table->size);
    size_t header = uboot_header(table);
    int rc = uboot_env_format(env, bytes + header, table->size - header, err);

    if (!rc) {
        bytes_put_le32(bytes, (uint32_t)crc32(0, bytes + header, (uInt)(table->size - header)));
        if (table->redundant)
            bytes[4] = counter;
        rc = block_cache_write_switch(cache, table->offset[0], table->offset[copy], bytes,
                                      table->size, err);
    }
    free(bytes);
    return rc;
}

int uboot_env_write(const struct uboot_env *env, const struct uboot_table *table,
                    struct block_cache *cache, struct error *err)
{
    int copy = table->redundant ? 1 - env->copy : 0;

    return uboot_write_copy(env, table, copy, (uint8_t)(env->counter + 1), cache, err);
}

int uboot_env_clear(const struct uboot_table *table, struct block_cache *cache, struct error *err)
{
    struct uboot_env empty = {0};

    for (int i = 0; i < (table->redundant ? 2 : 1); i++)
        if (uboot_write_copy(&empty, table, i, 1, cache, err))
            return -1;
    return 0;
}
