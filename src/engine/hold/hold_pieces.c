/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/hold/hold_pieces.h"

#include "base/memory.h"
#include "engine/chunks/chunk_place.h"

#include <stdlib.h>
#include <string.h>

#define PIECES_FIRST 256

void hold_pieces_add(struct hold_pieces *p, uint64_t at, uint32_t len, uint64_t place)
{
    if (p->count == p->room) {
        p->room = p->room ? p->room + p->room / 2 : PIECES_FIRST;
        p->item = memory_resize(p->item, p->room * sizeof *p->item);
    }
    p->item[p->count++] = (struct hold_piece){.at = at, .place = place, .len = len};
}

void hold_pieces_free(struct hold_pieces *p)
{
    free(p->item);
    *p = (struct hold_pieces){0};
}

uint64_t hold_pieces_missing(const struct hold_pieces *p)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < p->count; i++)
        if (p->item[i].place == CHUNK_NOWHERE)
            sum += p->item[i].len;
    return sum;
}

bool hold_pieces_read(const struct hold_pieces *p, const struct hold_sources *sources, uint64_t at,
                      uint8_t *to, size_t len)
{
    size_t first = chunk_place_find(p->item, p->count, sizeof *p->item, at);

    for (size_t i = first; len && i < p->count; i++) {
        const struct hold_piece *piece = &p->item[i];
        uint64_t skip = at - piece->at;
        if (skip >= piece->len)
            return false;
        size_t n = piece->len - skip < len ? (size_t)(piece->len - skip) : len;
        if (piece->place == CHUNK_NOWHERE ||
            !hold_sources_read(sources, piece->place + skip, to, n))
            memset(to, 0, n);
        at += n;
        to += n;
        len -= n;
    }
    return !len;
}
