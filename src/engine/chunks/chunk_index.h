/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a device holds: the chunks and groups of its sources, found by hash. A source's bytes have
 * places of 40 bits. A chunk takes 12 bytes of memory and a table entry of 4 to 8: 6 MB for a
 * slot of 1 GiB. What the index says is a hint, to be checked when the bytes are used.
 */
#ifndef FWSSH_ENGINE_CHUNKS_CHUNK_INDEX_H
#define FWSSH_ENGINE_CHUNKS_CHUNK_INDEX_H

#include "engine/chunks/chunk_cut.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CHUNK_PLACE_MAX ((1ull << 40) - 1)
#define CHUNK_NOWHERE UINT64_MAX
/* Bytes of a chunk's hash that are kept: a question may name no more. */
#define CHUNK_INDEX_HASH 5

struct chunk_index;

struct chunk_index *chunk_index_new(void);
void chunk_index_free(struct chunk_index *x);

/* Adds the next chunk of a source, which begins where the last one ended unless
 * chunk_index_end() was called. */
void chunk_index_add(struct chunk_index *x, uint64_t place, const uint8_t *bytes, size_t len);

/* The end of a run of bytes that are cut by themselves. */
void chunk_index_end(struct chunk_index *x);

/* Builds the tables; nothing is found before, or added without building them again. */
void chunk_index_build(struct chunk_index *x);

/* The place of a group with this hash and length, or CHUNK_NOWHERE. use: its chunks have been
 * found, and are no candidates any more. */
uint64_t chunk_index_find_group(struct chunk_index *x, uint64_t hash, uint64_t len, bool use);

/* The place of a chunk whose hash has these low bytes, or CHUNK_NOWHERE; it is no candidate then.
 * bytes: up to CHUNK_INDEX_HASH; the tables are built for it at its first use. */
uint64_t chunk_index_find_chunk(struct chunk_index *x, uint64_t hash, unsigned bytes, size_t len);

/* How many bytes have not been found yet, each content counted once. */
uint64_t chunk_index_candidates(const struct chunk_index *x);

/* The next run of candidates, of at most max bytes: its place and length. *at: 0 for the first.
 * False at the end. */
bool chunk_index_next_run(const struct chunk_index *x, size_t *at, size_t max, uint64_t *place,
                          size_t *len);

#endif
