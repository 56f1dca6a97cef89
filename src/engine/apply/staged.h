/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A staged firmware: its resources are on the device, its on-finish has not run yet. The file holds
 * the name of the task, what the task has written (places, lengths, hashes), and the start of the
 * archive (meta.conf with its signature), so that everything is checked again on activation:
 *
 *   file  = "fwpack staged 2\n" task "\n" *(place " " length " " hash "\n") "end\n" archive
 *   place, length: bytes of the medium, in decimal; hash: BLAKE2b-256 in hex
 *
 * Boot switches are not in the list: the running system may have changed them since. Nor is what
 * functions write to other places than the medium (they need --unsafe).
 */
#ifndef FWSSH_ENGINE_APPLY_STAGED_H
#define FWSSH_ENGINE_APPLY_STAGED_H

#include "base/buffer.h"
#include "engine/archive/firmware.h"
#include "engine/archive/hash.h"
#include "engine/medium/block_cache.h"

#define STAGED_TASK_SIZE 128

struct staged_part {
    struct block_range range;
    char hash[HASH_TEXT_SIZE];
};

struct staged {
    char task[STAGED_TASK_SIZE];
    size_t count;
    struct staged_part *part; /* owned */
    struct buffer archive;    /* owned */
};

/* What staged_save() needs. cache: everything has been written to the medium. */
struct staged_new {
    const struct firmware *fw;
    const char *task;
    struct block_cache *cache;
    const struct extent_list *written;
};

/* Reads back what was written, and writes the file atomically. */
int staged_save(const char *path, const struct staged_new *n, struct error *err);

/* EXIT_REFUSED if there is none. After success, staged_free() frees s. */
int staged_load(struct staged *s, const char *path, struct error *err);
void staged_free(struct staged *s);

/* Whether the medium still contains all of it: 0, or -1 with the error set, EXIT_MISMATCH if it
 * does not. */
int staged_check(const struct staged *s, struct block_cache *cache, struct error *err);

#endif
