/* SPDX-License-Identifier: Apache-2.0 */
/* The chunks and groups of a byte string in memory, in order and without gaps. */
#ifndef FWSSH_ENGINE_CHUNKS_CHUNK_LIST_H
#define FWSSH_ENGINE_CHUNKS_CHUNK_LIST_H

#include "engine/chunks/chunk_cut.h"

struct chunk {
    uint64_t at, hash;
    uint32_t len;
};

struct chunk_list {
    struct chunk *item; /* owned */
    size_t count, room;
};

struct chunk_tree {
    struct chunk_list chunks, groups;
};

void chunk_list_add(struct chunk_list *l, const struct chunk *chunk);
void chunk_list_free(struct chunk_list *l);

/* The chunk that contains a byte; there must be one. */
size_t chunk_list_find(const struct chunk_list *l, uint64_t at);

/* Adds the chunks of len bytes, which lie at a place in the string, of 2^k bytes on average. */
void chunk_list_cut(struct chunk_list *l, const struct chunk_cutter *c, const uint8_t *bytes,
                    uint64_t at, uint64_t len, unsigned k);

/* Adds the next len bytes of a string, which are cut by themselves, with their groups. */
void chunk_tree_add(struct chunk_tree *t, const struct chunk_cutter *c, const uint8_t *bytes,
                    uint64_t at, uint64_t len);
void chunk_tree_free(struct chunk_tree *t);

#endif
