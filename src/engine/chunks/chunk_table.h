/*
 * Finds elements of an array by hash: cells with their indices, open addressing. Who searches
 * compares: elements with the same hash may stand one after the other, up to a free cell.
 */
#ifndef FWSSH_ENGINE_CHUNKS_CHUNK_TABLE_H
#define FWSSH_ENGINE_CHUNKS_CHUNK_TABLE_H

#include <stddef.h>
#include <stdint.h>

#define CHUNK_TABLE_FREE UINT32_MAX

struct chunk_table {
    uint32_t *cell; /* owned */
    size_t mask;
};

/* An empty table for so many elements; frees an earlier one. */
void chunk_table_open(struct chunk_table *t, size_t count);
void chunk_table_free(struct chunk_table *t);

/* Adds an element, after others with its hash. */
void chunk_table_add(struct chunk_table *t, uint64_t hash, size_t index);

/* Where a search for a hash begins, and where it goes on. */
static inline size_t chunk_table_first(const struct chunk_table *t, uint64_t hash)
{
    return (size_t)(hash * 0x9e3779b97f4a7c15ull >> 20) & t->mask;
}

static inline size_t chunk_table_next(const struct chunk_table *t, size_t at)
{
    return (at + 1) & t->mask;
}

#endif
