/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/delta/delta_source.h"

#include "base/memory.h"
#include "base/number.h"
#include "engine/medium/block_range.h"

#include <stdlib.h>
#include <string.h>

static int delta_source_block(cfg_t *handler, const char *key, uint64_t *block, struct error *err)
{
    if (number_parse(cfg_getstr(handler, key), block))
        return error_set(err, EXIT_MISMATCH, "%s must be a block offset, but is '%s'", key,
                         cfg_getstr(handler, key));
    return 0;
}

static bool delta_source_is_raw(cfg_t *handler)
{
    return cfg_getstr(handler, "delta-source-raw-offset") &&
           cfg_getint(handler, "delta-source-raw-count") > 0;
}

static bool delta_source_is_fat(cfg_t *handler)
{
    return cfg_getstr(handler, "delta-source-fat-offset") &&
           cfg_getstr(handler, "delta-source-fat-path");
}

static int delta_source_raw_range(cfg_t *handler, struct block_range *range, struct error *err)
{
    uint64_t block;

    if (delta_source_block(handler, "delta-source-raw-offset", &block, err))
        return -1;
    return block_range_set(range, block, (uint64_t)cfg_getint(handler, "delta-source-raw-count"),
                           err);
}

static struct disk_cipher *delta_source_cipher(cfg_t *handler, struct error *err)
{
    const char *options = cfg_getstr(handler, "delta-source-raw-options");

    return disk_cipher_new(1, &options, err);
}

static bool delta_source_is_encrypted(cfg_t *handler)
{
    const char *options = cfg_getstr(handler, "delta-source-raw-options");

    return options && *options;
}

int delta_source_check(cfg_t *handler, struct error *err)
{
    struct block_range range;
    uint64_t block;

    if (delta_source_is_raw(handler)) {
        if (delta_source_raw_range(handler, &range, err))
            return -1;
        if (!delta_source_is_encrypted(handler))
            return 0;
        struct disk_cipher *cipher = delta_source_cipher(handler, err);
        disk_cipher_free(cipher);
        return cipher ? 0 : -1;
    }
    return delta_source_is_fat(handler)
               ? delta_source_block(handler, "delta-source-fat-offset", &block, err)
               : 0;
}

static int delta_source_open_raw(struct delta_source *s, cfg_t *handler, struct error *err)
{
    struct block_range range;

    if (delta_source_raw_range(handler, &range, err))
        return -1;
    s->extents = memory_new(1, sizeof *s->extents);
    s->extents[0] = (struct fat_extent){.offset = range.offset, .len = range.len};
    s->count = 1;
    s->size = range.len;
    if (delta_source_is_encrypted(handler)) {
        s->cipher = delta_source_cipher(handler, err);
        if (!s->cipher)
            return -1;
    }
    return 1;
}

static int delta_source_open_fat(struct delta_source *s, cfg_t *handler, struct error *err)
{
    const char *path = cfg_getstr(handler, "delta-source-fat-path");
    struct fat_volume v;
    uint64_t block;
    struct block_range range;

    if (delta_source_block(handler, "delta-source-fat-offset", &block, err) ||
        block_range_set(&range, block, 1, err))
        return -1;
    if (fat_volume_mount(&v, s->cache, range.offset, err) ||
        fat_file_extents(&v, path, &s->extents, &s->count, err))
        return error_prefix(err, "the delta's source, %s", path);
    for (size_t i = 0; i < s->count; i++)
        s->size += s->extents[i].len;
    return 1;
}

int delta_source_open(struct delta_source *s, cfg_t *handler, struct block_cache *cache,
                      struct error *err)
{
    *s = (struct delta_source){.cache = cache};
    if (delta_source_is_raw(handler))
        return delta_source_open_raw(s, handler, err);
    return delta_source_is_fat(handler) ? delta_source_open_fat(s, handler, err) : 0;
}

void delta_source_close(struct delta_source *s)
{
    disk_cipher_free(s->cipher);
    free(s->extents);
    *s = (struct delta_source){0};
}

/* Only whole sectors can be decrypted, so partial ones at the ends go through a buffer. */
static int delta_source_read_encrypted(struct delta_source *s, uint64_t at, uint8_t *buf,
                                       size_t len, struct error *err)
{
    uint8_t sector[DISK_CIPHER_SECTOR];

    while (len) {
        size_t skip = at % sizeof sector;
        bool whole = skip == 0 && len >= sizeof sector;
        size_t n = whole ? len / sizeof sector * sizeof sector : sizeof sector - skip;
        uint8_t *to = whole ? buf : sector;
        n = n < len ? n : len;
        if (block_cache_read_exact(s->cache, s->extents[0].offset + at - skip, to,
                                   whole ? n : sizeof sector, err))
            return -1;
        disk_cipher_decrypt(s->cipher, at / sizeof sector, to, whole ? n : sizeof sector);
        if (!whole)
            memcpy(buf, sector + skip, n);
        at += n;
        buf += n;
        len -= n;
    }
    return 0;
}

/* The extent that contains byte at. */
static size_t delta_source_extent(const struct delta_source *s, uint64_t at)
{
    size_t low = 0, high = s->count;

    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (s->extents[middle].at <= at)
            low = middle;
        else
            high = middle;
    }
    return low;
}

int delta_source_read(struct delta_source *s, uint64_t at, uint8_t *buf, size_t len,
                      struct error *err)
{
    if (len > s->size || at > s->size - len)
        return error_set(err, EXIT_MISMATCH,
                         "the delta copies from outside of its source (byte %llu of %llu)",
                         (unsigned long long)(at + len), (unsigned long long)s->size);
    if (s->cipher)
        return delta_source_read_encrypted(s, at, buf, len, err);
    for (size_t i = delta_source_extent(s, at); len; i++) {
        const struct fat_extent *e = &s->extents[i];
        uint64_t skip = at - e->at;
        size_t n = e->len - skip < len ? (size_t)(e->len - skip) : len;
        if (block_cache_read_exact(s->cache, e->offset + skip, buf, n, err))
            return -1;
        at += n;
        buf += n;
        len -= n;
    }
    return 0;
}
