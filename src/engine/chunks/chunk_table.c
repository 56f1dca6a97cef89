/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/chunks/chunk_table.h"

#include "base/memory.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define TABLE_FIRST 64
#define TABLE_FIRST_SHIFT (64 - 6)
/* Early in the boot there may be nothing random. */
#define TABLE_MIX 0x9e3779b97f4a7c15ull

void chunk_table_open(struct chunk_table *t, size_t count)
{
    size_t size = TABLE_FIRST;

    chunk_table_free(t);
    t->shift = TABLE_FIRST_SHIFT;
    for (; size < count + count / 2; size *= 2)
        t->shift--;
    t->cell = memory_new(size, sizeof *t->cell);
    memset(t->cell, 0xff, size * sizeof *t->cell);
    t->mask = size - 1;
    if (getrandom(&t->factor, sizeof t->factor, GRND_NONBLOCK) != sizeof t->factor)
        t->factor = (uintptr_t)t->cell * TABLE_MIX;
    t->factor |= 1;
}

void chunk_table_free(struct chunk_table *t)
{
    free(t->cell);
    *t = (struct chunk_table){0};
}

void chunk_table_add(struct chunk_table *t, uint64_t hash, size_t index)
{
    size_t at = chunk_table_first(t, hash);

    while (t->cell[at] != CHUNK_TABLE_FREE)
        at = chunk_table_next(t, at);
    t->cell[at] = (uint32_t)index;
}
