#include "engine/chunks/chunk_table.h"

#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

#define TABLE_FIRST 64

void chunk_table_open(struct chunk_table *t, size_t count)
{
    size_t size = TABLE_FIRST;

    chunk_table_free(t);
    while (size < count + count / 2)
        size *= 2;
    t->cell = memory_new(size, sizeof *t->cell);
    memset(t->cell, 0xff, size * sizeof *t->cell);
    t->mask = size - 1;
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
