/* SPDX-License-Identifier: Apache-2.0 */
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

/* The order of names, which end where their lengths say. */
static int uboot_name_compare(const char *a, size_t a_len, const char *b, size_t b_len)
{
    int order = memcmp(a, b, a_len < b_len ? a_len : b_len);

    if (order)
        return order;
    return a_len < b_len ? -1 : a_len > b_len;
}

/* The position of a name, or where it would be inserted; *found says which. */
static size_t uboot_env_find(const struct uboot_env *env, const char *name, size_t len, bool *found)
{
    size_t low = 0, high = env->count;

    *found = false;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const char *pair = env->pairs[middle];
        int order = uboot_name_compare(pair, uboot_name_length(pair), name, len);
        if (!order) {
            *found = true;
            return middle;
        }
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
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

/* A pair where it stands in the environment: of a name that comes twice, the last one counts. */
struct uboot_item {
    const char *pair;
    size_t name_len;
};

static int uboot_item_compare(const void *a, const void *b)
{
    const struct uboot_item *x = a, *y = b;
    int order = uboot_name_compare(x->pair, x->name_len, y->pair, y->name_len);

    if (order)
        return order;
    return x->pair < y->pair ? -1 : x->pair > y->pair;
}

/* Replaces what env had. An environment may have a hundred thousand variables, so they are sorted
 * once, and not inserted one by one. */
static void uboot_env_take(struct uboot_env *env, struct uboot_item *items, size_t count)
{
    if (count)
        qsort(items, count, sizeof *items, uboot_item_compare);
    for (size_t i = 0; i < env->count; i++)
        free(env->pairs[i]);
    free(env->pairs);
    env->pairs = memory_new(count + 1, sizeof *env->pairs);
    env->count = 0;
    for (size_t i = 0; i < count; i++) {
        const struct uboot_item *next = i + 1 < count ? &items[i + 1] : NULL;
        if (next &&
            !uboot_name_compare(items[i].pair, items[i].name_len, next->pair, next->name_len))
            continue;
        env->pairs[env->count++] = memory_text(items[i].pair);
    }
}

int uboot_env_parse(struct uboot_env *env, const uint8_t *data, size_t len, struct error *err)
{
    const char *p = (const char *)data, *end = p + len;
    struct uboot_item *items = NULL;
    size_t count = 0, room = 0;
    int rc = 0;

    while (!rc && p < end && *p) {
        size_t n = strnlen(p, (size_t)(end - p));
        if (p + n == end || !memchr(p, '=', n)) {
            rc = error_set(err, EXIT_MISMATCH, "Invalid U-boot environment");
        } else {
            if (count == room) {
                room = room ? 2 * room : 64;
                items = memory_resize(items, room * sizeof *items);
            }
            items[count++] = (struct uboot_item){p, uboot_name_length(p)};
            p += n + 1;
        }
    }
    if (!rc)
        uboot_env_take(env, items, count);
    free(items);
    return rc;
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
