/* SPDX-License-Identifier: Apache-2.0 */
/* The source of a delta: a region of the medium, plain or encrypted, or a file in a FAT file system
 * on it, as the on-resource section says (docs/fw-format.md, "Delta resources"). */
#ifndef FWSSH_ENGINE_DELTA_DELTA_SOURCE_H
#define FWSSH_ENGINE_DELTA_DELTA_SOURCE_H

#include "engine/fat/fat_file.h"
#include "engine/medium/block_cache.h"
#include "engine/medium/disk_cipher.h"

#include <confuse.h>

struct delta_source {
    struct block_cache *cache;
    struct fat_extent *extents; /* owned; in the order of the source's bytes */
    size_t count;
    uint64_t size;
    struct disk_cipher *cipher; /* NULL: plain. Sector 0 is the source's first */
};

/* 1, 0 if the section names no source, -1 with the error set. Call delta_source_close() in any
 * case. */
int delta_source_open(struct delta_source *s, cfg_t *handler, struct block_cache *cache,
                      struct error *err);
void delta_source_close(struct delta_source *s);

/* Reads exactly these bytes (in whole blocks). Reading past the end of the source is an error. */
int delta_source_read(struct delta_source *s, uint64_t at, uint8_t *buf, size_t len,
                      struct error *err);

/* Checks the keys of the section before anything is written. */
int delta_source_check(cfg_t *handler, struct error *err);

#endif
