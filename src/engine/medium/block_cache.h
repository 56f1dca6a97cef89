/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The cache between the functions of a task and the medium (docs/fw-format.md, "Output and
 * ordering"): segments of 128 KiB, with a valid and a dirty bit for each block of 512 bytes,
 * written in order of last use.
 */
#ifndef FWSSH_ENGINE_MEDIUM_BLOCK_CACHE_H
#define FWSSH_ENGINE_MEDIUM_BLOCK_CACHE_H

#include "engine/medium/extent_list.h"
#include "engine/medium/medium.h"

#define BLOCK_SIZE 512u
#define SEGMENT_SIZE 131072u

struct block_cache;

struct block_cache_options {
    bool verify;                 /* read back and compare what was written */
    bool minimize;               /* skip writes that would change nothing */
    struct extent_list *written; /* gets the ranges written, except boot switches; or NULL */
};

/* The caller keeps the medium, which must outlive the cache. */
struct block_cache *block_cache_new(struct medium *medium,
                                    const struct block_cache_options *options);
void block_cache_free(struct block_cache *c);

/* Reads any byte range; past the end of an image there are zeros. */
int block_cache_read(struct block_cache *c, uint64_t offset, void *buf, size_t len,
                     struct error *err);

/* The same for bytes that are needed once, such as a delta's source: reads only the blocks that
 * contain them, and caches nothing. */
int block_cache_read_exact(struct block_cache *c, uint64_t offset, void *buf, size_t len,
                           struct error *err);

/*
 * Writes whole blocks. streamed: the bytes come in order and are not read again soon, so that full
 * segments are written at once. A range past the hard end is an error before any of it is written.
 */
int block_cache_write(struct block_cache *c, uint64_t offset, const void *buf, size_t len,
                      bool streamed, struct error *err);

/*
 * Writes whole blocks that are a boot switch: a partition table, a copy of a U-Boot environment.
 * They wait until everything else is safe, and are then written one by one, in the order of their
 * last change, each flushed before the next. group: an offset shared by copies of the same thing
 * (switch_list.h).
 */
int block_cache_write_switch(struct block_cache *c, uint64_t group, uint64_t offset,
                             const void *buf, size_t len, struct error *err);

/* Discards the whole segments in the range: they read as zeros until they are written again. */
int block_cache_trim(struct block_cache *c, uint64_t offset, uint64_t len, struct error *err);

/*
 * Puts everything written so far, except boot switches, on the medium before anything that follows.
 */
int block_cache_barrier(struct block_cache *c, struct error *err);

/* Writes everything that is dirty and flushes the medium, then does the same with the boot
 * switches. */
int block_cache_sync(struct block_cache *c, struct error *err);

/* The end of a task: like block_cache_sync(), but the last write reaches the medium last, even if
 * it was not made by block_cache_write_switch(): a file on FAT may be the boot switch. */
int block_cache_finish(struct block_cache *c, struct error *err);

/* Why a redundant copy could not be written although everything else was; "" if it was. */
const char *block_cache_warning(const struct block_cache *c);

/* Whether writing a boot switch has failed and could not be undone. */
bool block_cache_is_unsure(const struct block_cache *c);

/* The error of the last failed read of the medium, or NULL. */
const struct error *block_cache_read_error(const struct block_cache *c);

/* Discards what has not been written. */
void block_cache_drop(struct block_cache *c);

#endif
