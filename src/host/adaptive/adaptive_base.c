/* SPDX-License-Identifier: Apache-2.0 */
#include "host/adaptive/adaptive_base.h"

#include "base/memory.h"
#include "engine/chunks/chunk_table.h"

#include <stdlib.h>
#include <string.h>

/* What has changed is near what only the base has; so far around it, places are made known. */
#define BASE_AROUND (128u << 10)

/* The group of the firmware that equals one of the base and follows the last one found, else any
 * equal one. */
static size_t base_find(const struct chunk_table *t, const struct chunk_list *groups,
                        const struct chunk *c, size_t last)
{
    size_t found = ADAPTIVE_BASE_NONE;

    for (size_t at = chunk_table_first(t, c->hash); t->cell[at] != CHUNK_TABLE_FREE;
         at = chunk_table_next(t, at)) {
        const struct chunk *g = &groups->item[t->cell[at]];
        if (g->hash != c->hash || g->len != c->len)
            continue;
        found = t->cell[at];
        if (found >= last)
            break;
    }
    return found;
}

void adaptive_base_compare(struct adaptive_base *b, const struct firmware_stream *firmware)
{
    const struct chunk_list *groups = &b->stream.tree.groups;
    const struct chunk_list *theirs = &firmware->tree.groups;
    struct chunk_table table = {0};
    size_t last = 0;

    chunk_table_open(&table, theirs->count);
    for (size_t i = 0; i < theirs->count; i++)
        chunk_table_add(&table, theirs->item[i].hash, i);
    b->same = memory_new(groups->count, sizeof *b->same);
    for (size_t i = 0; i < groups->count; i++) {
        b->same[i] = base_find(&table, theirs, &groups->item[i], last);
        if (b->same[i] != ADAPTIVE_BASE_NONE)
            last = b->same[i];
    }
    chunk_table_free(&table);
}

void adaptive_base_open(struct adaptive_base *b, int fd)
{
    struct error ignored;

    *b = (struct adaptive_base){0};
    if (firmware_stream_open(&b->stream, fd, &ignored))
        adaptive_base_close(b);
}

void adaptive_base_close(struct adaptive_base *b)
{
    firmware_stream_close(&b->stream);
    chunk_diff_free(b->diff);
    free(b->same);
    *b = (struct adaptive_base){0};
}

void adaptive_print_parts(const struct stored_stream *s, struct buffer *out)
{
    assembly_put(out, s->parts);
    for (size_t i = 0; i < s->parts; i++) {
        size_t len = strlen(s->part[i].name);
        assembly_put(out, s->part[i].at);
        assembly_put(out, s->part[i].len);
        assembly_put(out, len);
        buffer_add(out, s->part[i].name, len);
    }
}

void adaptive_base_print(const struct adaptive_base *b, struct buffer *out)
{
    const struct chunk_list *groups = &b->stream.tree.groups;
    size_t place = assembly_begin(out, ASSEMBLY_BASE), last = 0;

    adaptive_print_parts(&b->stream.stored, out);
    assembly_put(out, groups->count);
    for (size_t i = 0; i < groups->count; i++) {
        if (b->same[i] == ADAPTIVE_BASE_NONE) {
            assembly_put(out, 0);
            assembly_put(out, groups->item[i].len);
            assembly_put_hash(out, groups->item[i].hash, ASSEMBLY_GROUP_HASH);
            continue;
        }
        uint64_t step = b->same[i] >= last ? b->same[i] - last : last - b->same[i];
        assembly_put(out, step << 1 | (b->same[i] >= last));
        last = b->same[i];
    }
    assembly_end(out, place);
}

void adaptive_base_judge(struct adaptive_base *b, const uint8_t *held)
{
    const struct chunk_list *groups = &b->stream.tree.groups;
    uint64_t own = 0, own_held = 0;

    for (size_t i = 0; i < groups->count; i++) {
        const struct chunk *g = &groups->item[i];
        if (b->same[i] == ADAPTIVE_BASE_NONE) {
            own += g->len;
            own_held += held[i] ? g->len : 0;
        }
        if (!held[i])
            memset(b->stream.stored.bytes + g->at, 0, g->len);
    }
    b->used = groups->count && own_held * 2 >= own;
}

void adaptive_base_prepare(struct adaptive_base *b)
{
    const struct chunk_list *groups = &b->stream.tree.groups;
    struct chunk_bytes old = {b->stream.stored.bytes, (size_t)b->stream.stored.len};
    uint64_t covered = 0, end = 0;

    for (size_t i = 0; i < groups->count; i++)
        if (b->same[i] == ADAPTIVE_BASE_NONE)
            covered += groups->item[i].len + 2ull * BASE_AROUND;
    bool all = covered > old.len / 2;
    struct chunk_diff *d = b->diff = chunk_diff_new(old, all ? old.len : covered);
    if (all)
        chunk_diff_add(d, 0, old.len);
    for (size_t i = 0; !all && i < groups->count; i++) {
        const struct chunk *g = &groups->item[i];
        if (b->same[i] != ADAPTIVE_BASE_NONE)
            continue;
        uint64_t from = g->at > BASE_AROUND ? g->at - BASE_AROUND : 0;
        chunk_diff_add(d, from > end ? from : end, g->at + g->len + BASE_AROUND);
        end = g->at + g->len + BASE_AROUND;
    }
}
