/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/chunks/chunk_index.h"

#include "base/memory.h"
#include "engine/chunks/chunk_hash.h"
#include "engine/chunks/chunk_table.h"

#include <stdlib.h>

#define INDEX_FIRST 1024
/* Where a chunk's length shares its word with the mark that it was found. */
#define INDEX_USED 0x8000u
#define INDEX_LEN 0x7fffu

/* 12 bytes: place (5), hash (5), length and mark (2). */
struct index_chunk {
    uint32_t place_low, hash_low;
    uint8_t place_high, hash_high;
    uint16_t len;
};

struct index_group {
    uint64_t hash;
    uint64_t place;
    uint32_t len;
    uint32_t first, chunks;
};

struct chunk_index {
    struct index_chunk *chunk; /* owned, as the others */
    size_t chunks, chunk_room;
    struct index_group *group;
    size_t groups, group_room;
    struct chunk_table by_group, by_chunk;
    unsigned bytes; /* of a hash, for which by_chunk was built; 0: not built */

    struct chunk_group open;
    struct chunk_hasher *hasher; /* of the open group */
};

static uint64_t index_place(const struct index_chunk *c)
{
    return (uint64_t)c->place_high << 32 | c->place_low;
}

static uint64_t index_hash(const struct index_chunk *c, unsigned bytes)
{
    uint64_t hash = (uint64_t)c->hash_high << 32 | c->hash_low;

    return bytes < CHUNK_INDEX_HASH ? hash & ((1ull << 8 * bytes) - 1) : hash;
}

static size_t index_len(const struct index_chunk *c)
{
    return (c->len & INDEX_LEN) + 1u;
}

struct chunk_index *chunk_index_new(void)
{
    struct chunk_index *x = memory_new(1, sizeof *x);

    x->hasher = chunk_hasher_new();
    return x;
}

void chunk_index_free(struct chunk_index *x)
{
    if (!x)
        return;
    chunk_table_free(&x->by_group);
    chunk_table_free(&x->by_chunk);
    chunk_hasher_free(x->hasher);
    free(x->chunk);
    free(x->group);
    free(x);
}

/* Grows by half, so that little memory is idle. */
static void *index_grow(void *old, size_t *room, size_t size)
{
    *room = *room ? *room + *room / 2 : INDEX_FIRST;
    return memory_resize(old, *room * size);
}

void chunk_index_end(struct chunk_index *x)
{
    size_t first = x->chunks - x->open.chunks;

    if (!x->open.chunks)
        return;
    if (x->groups == x->group_room)
        x->group = index_grow(x->group, &x->group_room, sizeof *x->group);
    x->group[x->groups++] = (struct index_group){.hash = chunk_hasher_take(x->hasher),
                                                 .place = index_place(&x->chunk[first]),
                                                 .len = (uint32_t)x->open.len,
                                                 .first = (uint32_t)first,
                                                 .chunks = x->open.chunks};
    x->open = (struct chunk_group){0};
}

void chunk_index_add(struct chunk_index *x, uint64_t place, const uint8_t *bytes, size_t len)
{
    uint64_t hash = chunk_hash(bytes, len);

    if (chunk_group_ends(&x->open, len))
        chunk_index_end(x);
    if (x->chunks == x->chunk_room)
        x->chunk = index_grow(x->chunk, &x->chunk_room, sizeof *x->chunk);
    x->chunk[x->chunks++] = (struct index_chunk){.place_low = (uint32_t)place,
                                                 .place_high = (uint8_t)(place >> 32),
                                                 .hash_low = (uint32_t)hash,
                                                 .hash_high = (uint8_t)(hash >> 32),
                                                 .len = (uint16_t)(len - 1)};
    chunk_group_add(&x->open, len, hash);
    chunk_hasher_add(x->hasher, bytes, len);
}

/* The cell of a chunk with this hash and length, or the free one where it would be. */
static uint32_t *index_chunk_cell(const struct chunk_index *x, uint64_t hash, size_t len)
{
    size_t at = chunk_table_first(&x->by_chunk, hash);

    for (;; at = chunk_table_next(&x->by_chunk, at)) {
        uint32_t i = x->by_chunk.cell[at];
        if (i == CHUNK_TABLE_FREE ||
            (index_hash(&x->chunk[i], x->bytes) == hash && index_len(&x->chunk[i]) == len))
            return &x->by_chunk.cell[at];
    }
}

/* Chunks that equal an earlier one add nothing: they count as found. With fewer bytes of hash,
 * others may look equal, too; the first one stands for them. */
static void index_build_chunks(struct chunk_index *x, unsigned bytes)
{
    if (x->bytes == bytes)
        return;
    x->bytes = bytes;
    chunk_table_open(&x->by_chunk, x->chunks);
    for (size_t i = 0; i < x->chunks; i++) {
        struct index_chunk *c = &x->chunk[i];
        uint32_t *cell = index_chunk_cell(x, index_hash(c, bytes), index_len(c));
        if (*cell == CHUNK_TABLE_FREE)
            *cell = (uint32_t)i;
        else if (bytes == CHUNK_INDEX_HASH)
            c->len |= INDEX_USED;
    }
}

static uint32_t *index_group_cell(const struct chunk_index *x, uint64_t hash, uint64_t len)
{
    size_t at = chunk_table_first(&x->by_group, hash);

    for (;; at = chunk_table_next(&x->by_group, at)) {
        uint32_t i = x->by_group.cell[at];
        if (i == CHUNK_TABLE_FREE || (x->group[i].hash == hash && x->group[i].len == len))
            return &x->by_group.cell[at];
    }
}

void chunk_index_build(struct chunk_index *x)
{
    chunk_index_end(x);
    x->bytes = 0;
    index_build_chunks(x, CHUNK_INDEX_HASH);
    chunk_table_open(&x->by_group, x->groups);
    for (size_t i = 0; i < x->groups; i++) {
        uint32_t *cell = index_group_cell(x, x->group[i].hash, x->group[i].len);
        if (*cell == CHUNK_TABLE_FREE)
            *cell = (uint32_t)i;
    }
}

static void index_use(struct chunk_index *x, const struct index_group *g)
{
    for (uint32_t i = g->first; i < g->first + g->chunks; i++) {
        struct index_chunk *c = &x->chunk[i];
        uint32_t *cell = index_chunk_cell(x, index_hash(c, x->bytes), index_len(c));
        c->len |= INDEX_USED;
        if (*cell != CHUNK_TABLE_FREE)
            x->chunk[*cell].len |= INDEX_USED;
    }
}

uint64_t chunk_index_find_group(struct chunk_index *x, uint64_t hash, uint64_t len, bool use)
{
    uint32_t i = *index_group_cell(x, hash, len);

    if (i == CHUNK_TABLE_FREE)
        return CHUNK_NOWHERE;
    if (use)
        index_use(x, &x->group[i]);
    return x->group[i].place;
}

uint64_t chunk_index_find_chunk(struct chunk_index *x, uint64_t hash, unsigned bytes, size_t len)
{
    index_build_chunks(x, bytes);
    uint32_t i = *index_chunk_cell(x, hash, len);

    if (i == CHUNK_TABLE_FREE)
        return CHUNK_NOWHERE;
    x->chunk[i].len |= INDEX_USED;
    return index_place(&x->chunk[i]);
}

uint64_t chunk_index_candidates(const struct chunk_index *x)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < x->chunks; i++)
        if (!(x->chunk[i].len & INDEX_USED))
            sum += index_len(&x->chunk[i]);
    return sum;
}

bool chunk_index_next_run(const struct chunk_index *x, size_t *at, size_t max, uint64_t *place,
                          size_t *len)
{
    while (*at < x->chunks && x->chunk[*at].len & INDEX_USED)
        ++*at;
    if (*at == x->chunks)
        return false;
    *place = index_place(&x->chunk[*at]);
    for (*len = 0; *at < x->chunks; ++*at) {
        const struct index_chunk *c = &x->chunk[*at];
        if (c->len & INDEX_USED || index_place(c) != *place + *len || *len + index_len(c) > max)
            break;
        *len += index_len(c);
    }
    return true;
}
