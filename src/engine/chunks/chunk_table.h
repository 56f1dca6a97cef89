/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finds elements of an array by hash: cells with their indices, open addressing. Who searches
 * compares: elements with the same hash may stand one after the other, up to a free cell. Nobody
 * can choose hashes that all fall into one place.
 */
#ifndef FWSSH_ENGINE_CHUNKS_CHUNK_TABLE_H
#define FWSSH_ENGINE_CHUNKS_CHUNK_TABLE_H

#include <stddef.h>
#include <stdint.h>

#define CHUNK_TABLE_FREE UINT32_MAX

struct chunk_table {
    uint32_t *cell; /* owned */
    size_t mask;
    unsigned shift;  /* of what the factor makes of a hash, to a cell */
    uint64_t factor; /* secret */
};

/* An empty table for so many elements; frees an earlier one. */
void chunk_table_open(struct chunk_table *t, size_t count);
void chunk_table_free(struct chunk_table *t);

/* Adds an element, after others with its hash. */
void chunk_table_add(struct chunk_table *t, uint64_t hash, size_t index);

/* Where a search for a hash begins, and where it goes on. */
static inline size_t chunk_table_first(const struct chunk_table *t, uint64_t hash)
{
    return (size_t)(hash * t->factor >> t->shift);
}

static inline size_t chunk_table_next(const struct chunk_table *t, size_t at)
{
    return (at + 1) & t->mask;
}

#endif
