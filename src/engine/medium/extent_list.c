/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/medium/extent_list.h"

#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

#define EXTENT_GAP_FIRST 4096u

static uint64_t extent_end(const struct block_range *range)
{
    return range->offset + range->len;
}

/* Joins item i and those after it that it reaches; how many were swallowed. */
static size_t extent_list_join(struct extent_list *l, size_t i)
{
    struct block_range *first = &l->item[i];
    size_t next = i + 1;

    for (; next < l->count && l->item[next].offset <= extent_end(first) + l->gap; next++) {
        uint64_t end = extent_end(&l->item[next]);
        if (end > extent_end(first))
            first->len = end - first->offset;
    }
    size_t joined = next - i - 1;
    memmove(first + 1, first + 1 + joined, (l->count - next) * sizeof *first);
    l->count -= joined;
    return joined;
}

/* Makes room by joining what is close, and closer each time. */
static void extent_list_shorten(struct extent_list *l)
{
    while (l->count >= EXTENT_LIST_MAX) {
        l->gap = l->gap ? l->gap * 2 : EXTENT_GAP_FIRST;
        for (size_t i = 0; i < l->count; i++)
            extent_list_join(l, i);
    }
}

/* The first item that ends at offset or later (with the gap). Streams come in order, so it is
 * searched for from the end. */
static size_t extent_list_place(const struct extent_list *l, uint64_t offset)
{
    size_t i = l->count;

    while (i && extent_end(&l->item[i - 1]) + l->gap >= offset)
        i--;
    return i;
}

void extent_list_add(struct extent_list *l, uint64_t offset, uint64_t len)
{
    if (!len)
        return;
    if (!l->item)
        l->item = memory_new(EXTENT_LIST_MAX, sizeof *l->item);
    extent_list_shorten(l);
    size_t i = extent_list_place(l, offset);
    if (i == l->count || l->item[i].offset > offset + len + l->gap) {
        memmove(&l->item[i + 1], &l->item[i], (l->count++ - i) * sizeof *l->item);
        l->item[i] = (struct block_range){.offset = offset, .len = len};
    }
    struct block_range *here = &l->item[i];
    uint64_t end = extent_end(here) > offset + len ? extent_end(here) : offset + len;
    here->offset = here->offset < offset ? here->offset : offset;
    here->len = end - here->offset;
    extent_list_join(l, i);
}

void extent_list_free(struct extent_list *l)
{
    free(l->item);
    *l = (struct extent_list){0};
}
