/*
 * The cache between the functions of a task and the medium (docs/fw-format.md, "Output and
 * ordering"): segments of 128 KiB, a valid and a dirty bit for each block of 512 bytes, written in
 * the order of last use.
 */
#ifndef FWSSH_ENGINE_MEDIUM_BLOCK_CACHE_H
#define FWSSH_ENGINE_MEDIUM_BLOCK_CACHE_H

#include "engine/medium/medium.h"

#define BLOCK_SIZE 512u
#define SEGMENT_SIZE 131072u

struct block_cache;

struct block_cache_options {
    bool verify;   /* read back and compare what was written */
    bool minimize; /* do not write what is there already */
};

/* The medium stays the caller's. */
struct block_cache *block_cache_new(struct medium *medium,
                                    const struct block_cache_options *options);
void block_cache_free(struct block_cache *c);

/* Any byte range; what lies behind the end of an image is zeros. */
int block_cache_read(struct block_cache *c, uint64_t offset, void *buf, size_t len,
                     struct error *err);

/*
 * The same for bytes that are wanted once, such as a delta's source: reads just the blocks that
 * they lie in, and keeps nothing.
 */
int block_cache_read_exact(struct block_cache *c, uint64_t offset, void *buf, size_t len,
                           struct error *err);

/*
 * Whole blocks. streamed: the bytes come in order and are not read again soon, so that full
 * segments go out at once. A range behind the hard end is an error before anything of it is
 * written.
 */
int block_cache_write(struct block_cache *c, uint64_t offset, const void *buf, size_t len,
                      bool streamed, struct error *err);

/*
 * Whole blocks that decide what boots: a partition table, a copy of an environment. They wait until
 * all else is safe, and are then written one by one, in the order in which they were last changed,
 * each flushed before the next. group: an offset that copies of the same thing share
 * (switch_list.h).
 */
int block_cache_write_switch(struct block_cache *c, uint64_t group, uint64_t offset,
                             const void *buf, size_t len, struct error *err);

/* Forgets the whole segments in the range: they read as zeros until written again. */
int block_cache_trim(struct block_cache *c, uint64_t offset, uint64_t len, struct error *err);

/* What was written so far, but for what decides what boots, is on the medium before what follows.
 */
int block_cache_barrier(struct block_cache *c, struct error *err);

/* Writes all that is dirty and flushes the medium; then what decides what boots, flushed too. */
int block_cache_sync(struct block_cache *c, struct error *err);

/*
 * The end of a task: as block_cache_sync, but what was touched last comes last of all, also when it
 * is no write of block_cache_write_switch(): a file on FAT may be what decides.
 */
int block_cache_finish(struct block_cache *c, struct error *err);

/* Why a copy that only spares another could not be written, though all else could; "" if it could.
 */
const char *block_cache_warning(const struct block_cache *c);

/* Whether a write that decides what boots has failed and could not be taken back. */
bool block_cache_is_unsure(const struct block_cache *c);

/* The last read of the medium that failed, or NULL. */
const struct error *block_cache_read_error(const struct block_cache *c);

/* Drops what has not been written. */
void block_cache_drop(struct block_cache *c);

#endif
