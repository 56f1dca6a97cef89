/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/chunks/chunk_hash.h"

#include "base/memory.h"

#include <stdlib.h>
/* In line, since most chunks are short. */
#define XXH_INLINE_ALL
#include <xxhash.h>

#define CHUNK_HASHER_ALIGN 64 /* of the state, for vector registers */

struct chunk_hasher {
    XXH3_state_t *state; /* in memory */
    void *memory;
};

uint64_t chunk_hash(const void *bytes, size_t len)
{
    return XXH3_64bits(bytes, len);
}

struct chunk_hasher *chunk_hasher_new(void)
{
    struct chunk_hasher *h = memory_new(1, sizeof *h);

    h->memory = memory_new(1, sizeof *h->state + CHUNK_HASHER_ALIGN);
    uintptr_t gap = CHUNK_HASHER_ALIGN - (uintptr_t)h->memory % CHUNK_HASHER_ALIGN;
    h->state = (XXH3_state_t *)(void *)((char *)h->memory + gap);
    XXH3_64bits_reset(h->state);
    return h;
}

void chunk_hasher_free(struct chunk_hasher *h)
{
    if (h)
        free(h->memory);
    free(h);
}

void chunk_hasher_add(struct chunk_hasher *h, const void *bytes, size_t len)
{
    XXH3_64bits_update(h->state, bytes, len);
}

uint64_t chunk_hasher_take(struct chunk_hasher *h)
{
    uint64_t hash = XXH3_64bits_digest(h->state);

    XXH3_64bits_reset(h->state);
    return hash;
}
