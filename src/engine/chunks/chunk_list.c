/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/chunks/chunk_list.h"

#include "base/memory.h"
#include "engine/chunks/chunk_hash.h"
#include "engine/chunks/chunk_place.h"

#include <stdlib.h>

#define CHUNK_LIST_FIRST 256

void chunk_list_add(struct chunk_list *l, const struct chunk *chunk)
{
    if (l->count == l->room) {
        l->room = l->room ? l->room * 2 : CHUNK_LIST_FIRST;
        l->item = memory_resize(l->item, l->room * sizeof *l->item);
    }
    l->item[l->count++] = *chunk;
}

void chunk_list_free(struct chunk_list *l)
{
    free(l->item);
    *l = (struct chunk_list){0};
}

size_t chunk_list_find(const struct chunk_list *l, uint64_t at)
{
    return chunk_place_find(l->item, l->count, sizeof *l->item, at);
}

void chunk_list_cut(struct chunk_list *l, const struct chunk_cutter *c, const uint8_t *bytes,
                    uint64_t at, uint64_t len, unsigned k)
{
    for (uint64_t i = 0; i < len;) {
        size_t n = chunk_cut(c, bytes + i, (size_t)(len - i), k);
        chunk_list_add(
            l, &(struct chunk){.at = at + i, .hash = chunk_hash(bytes + i, n), .len = (uint32_t)n});
        i += n;
    }
}

/* bytes: those of the group. */
static void chunk_tree_end_group(struct chunk_tree *t, struct chunk_group *g, const uint8_t *bytes)
{
    size_t first = t->chunks.count - g->chunks;
    const struct chunk group = {.at = t->chunks.item[first].at,
                                .hash = chunk_hash(bytes, (size_t)g->len),
                                .len = (uint32_t)g->len};

    chunk_list_add(&t->groups, &group);
    *g = (struct chunk_group){0};
}

void chunk_tree_add(struct chunk_tree *t, const struct chunk_cutter *c, const uint8_t *bytes,
                    uint64_t at, uint64_t len)
{
    struct chunk_group g = {0};

    for (uint64_t i = 0; i < len;) {
        size_t n = chunk_cut(c, bytes + i, (size_t)(len - i), CHUNK_LOG);
        const struct chunk chunk = {
            .at = at + i, .hash = chunk_hash(bytes + i, n), .len = (uint32_t)n};
        if (chunk_group_ends(&g, n))
            chunk_tree_end_group(t, &g, bytes + i - g.len);
        chunk_list_add(&t->chunks, &chunk);
        chunk_group_add(&g, n, chunk.hash);
        i += n;
    }
    if (g.chunks)
        chunk_tree_end_group(t, &g, bytes + len - g.len);
}

void chunk_tree_free(struct chunk_tree *t)
{
    chunk_list_free(&t->chunks);
    chunk_list_free(&t->groups);
}
