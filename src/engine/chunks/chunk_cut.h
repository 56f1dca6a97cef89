/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cuts bytes into chunks where their content says so (PROTOCOL.md, "Chunks and groups"), so that
 * equal content is cut alike wherever it lies. Both sides must cut alike: what is here is part of
 * the protocol.
 */
#ifndef FWSSH_ENGINE_CHUNKS_CHUNK_CUT_H
#define FWSSH_ENGINE_CHUNKS_CHUNK_CUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Chunks have 2^k bytes on average, a quarter of it at least, four times it at most. */
#define CHUNK_LOG 12
#define CHUNK_LOG_MIN 5
#define CHUNK_LOG_FINE 7
#define CHUNK_MAX (4u << CHUNK_LOG)
#define CHUNK_GROUP_MAX (512u << 10)

struct chunk_cutter {
    uint64_t gear[256];
};

void chunk_cutter_init(struct chunk_cutter *c);

/* The length of the chunk at the start of len bytes (at least 1). Unless it ends there, it takes
 * 4 * 2^k bytes to be sure of it. */
size_t chunk_cut(const struct chunk_cutter *c, const uint8_t *bytes, size_t len, unsigned k);

/* Takes chunks together to groups, of 32 on average. */
struct chunk_group {
    uint64_t len;
    unsigned chunks;
    uint64_t last; /* hash of its last chunk */
};

/* Whether the group ends before a chunk of len bytes. */
bool chunk_group_ends(const struct chunk_group *g, size_t len);

void chunk_group_add(struct chunk_group *g, size_t len, uint64_t hash);

#endif
