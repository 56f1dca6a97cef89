/* SPDX-License-Identifier: Apache-2.0 */
#include "host/adaptive/adaptive_question.h"

#include "base/memory.h"
#include "engine/chunks/chunk_index.h"

#include <stdlib.h>

/* Less than this is not worth a further question. */
#define QUESTION_CHUNKS_FROM (16u << 10)
#define QUESTION_FINE_FROM (16u << 10)
/* Of a gap that does not compress, only so much at each end is asked for finely: the middle has
 * nothing in common with what was there. */
#define QUESTION_EDGE (16u << 10)
#define QUESTION_LEVEL 19

static void question_print_start(const struct adaptive_question *q, struct buffer *out)
{
    const struct stored_stream *s = &q->firmware->stored;
    uint64_t len = s->start <= ASSEMBLY_START_MAX ? s->start : 0;
    struct buffer frame = {0};

    if (len)
        chunk_pack(q->packer, (struct chunk_bytes){s->bytes, (size_t)len}, (struct chunk_bytes){0},
                   QUESTION_LEVEL, &frame);
    assembly_put(out, len);
    assembly_put(out, frame.len);
    buffer_add(out, frame.data, frame.len);
    buffer_free(&frame);
}

static void question_print_list(const struct adaptive_question *q, struct buffer *out)
{
    const struct chunk_list *groups = &q->firmware->tree.groups;
    size_t place = assembly_begin(out, ASSEMBLY_LIST);

    assembly_put(out, q->base_fd >= 0 ? 1 : 0);
    assembly_put(out, q->firmware->stored.len);
    adaptive_print_parts(&q->firmware->stored, out);
    question_print_start(q, out);
    assembly_put(out, groups->count);
    for (size_t i = 0; i < groups->count; i++) {
        assembly_put(out, groups->item[i].len);
        assembly_put_hash(out, groups->item[i].hash, ASSEMBLY_GROUP_HASH);
    }
    assembly_end(out, place);
}

/* Whether a group of the base is data of a resource. No device holds the headers between them, and
 * meta.conf. */
static bool question_is_data(const struct stored_stream *base, const struct chunk *group)
{
    for (size_t i = 0; i < base->parts; i++) {
        const struct stored_part *p = &base->part[i];
        if (group->at >= p->at && group->at - p->at < p->len)
            return group->at >= base->start;
    }
    return false;
}

/* For each group of the firmware: the equal one in the data of the base, or ADAPTIVE_BASE_NONE. The
 * caller frees it. */
static size_t *question_in_base(const struct adaptive_question *q)
{
    size_t count = q->firmware->tree.groups.count;
    size_t *in_base = memory_new(count, sizeof *in_base);
    const struct adaptive_base *b = q->base;

    for (size_t i = 0; i < count; i++)
        in_base[i] = ADAPTIVE_BASE_NONE;
    for (size_t i = 0; i < b->stream.tree.groups.count; i++)
        if (b->same[i] != ADAPTIVE_BASE_NONE &&
            question_is_data(&b->stream.stored, &b->stream.tree.groups.item[i]))
            in_base[b->same[i]] = i;
    return in_base;
}

/* The first group of the base in place of a missing one: it follows what both have before it, else
 * it is the first one, if both have something after it. ADAPTIVE_BASE_NONE: they have nothing in
 * common. */
static size_t question_place_in_base(const struct adaptive_question *q, const size_t *in_base,
                                     size_t group)
{
    size_t before = group, after = group, count = q->firmware->tree.groups.count;

    while (before && in_base[before] == ADAPTIVE_BASE_NONE)
        before--;
    if (in_base[before] != ADAPTIVE_BASE_NONE)
        return in_base[before] + 1;
    while (after < count && in_base[after] == ADAPTIVE_BASE_NONE)
        after++;
    return after < count ? 0 : ADAPTIVE_BASE_NONE;
}

/* Whether the device holds what the base has in place of a missing group: the base's own groups
 * there. If not, the slot was written to. */
static bool question_is_known(const struct adaptive_question *q, const size_t *in_base,
                              size_t group, const uint8_t *held)
{
    const struct adaptive_base *b = q->base;

    if (!b->used || in_base[group] != ADAPTIVE_BASE_NONE)
        return false;
    size_t i = question_place_in_base(q, in_base, group);
    if (i == ADAPTIVE_BASE_NONE)
        return false;
    for (; i < b->stream.tree.groups.count && b->same[i] == ADAPTIVE_BASE_NONE; i++)
        if (!held[i] && question_is_data(&b->stream.stored, &b->stream.tree.groups.item[i]))
            return false;
    return true;
}

static void question_find_gaps(struct adaptive_question *q, const uint8_t *yes, const uint8_t *held)
{
    const struct chunk_list *groups = &q->firmware->tree.groups;
    size_t *in_base = question_in_base(q);

    for (size_t i = 0; i < groups->count; i++)
        if (!yes[i])
            gap_list_add(&q->gaps, groups->item[i].at, groups->item[i].len,
                         question_is_known(q, in_base, i, held));
    free(in_base);
}

/* Reads the base, unless there was time for that before, and makes it ready, while the device looks
 * at what it holds. */
static int question_send_base(struct adaptive_question *q, struct error *err)
{
    if (!q->base->stream.stored.bytes)
        adaptive_base_open(q->base, q->base_fd);
    adaptive_base_compare(q->base, q->firmware);
    adaptive_base_print(q->base, &q->dialog->out);
    int rc = adaptive_dialog_flush(q->dialog, err);
    if (rc > 0)
        adaptive_base_prepare(q->base);
    return rc;
}

int adaptive_question_groups(struct adaptive_question *q, struct error *err)
{
    struct adaptive_dialog *d = q->dialog;
    uint8_t *yes = NULL, *held = NULL;

    question_print_list(q, &d->out);
    int rc = adaptive_dialog_flush(d, err);
    if (rc > 0 && q->base_fd >= 0)
        rc = question_send_base(q, err);
    if (rc > 0)
        rc = adaptive_dialog_await_answer(d, ASSEMBLY_LIST, q->firmware->tree.groups.count, &yes,
                                          &q->candidates, err);
    if (rc > 0 && q->base_fd >= 0 && yes) {
        rc = adaptive_dialog_await_answer(d, ASSEMBLY_BASE, q->base->stream.tree.groups.count,
                                          &held, &q->candidates, err);
        if (rc > 0 && held)
            adaptive_base_judge(q->base, held);
    }
    if (rc > 0 && !d->too_slow)
        question_find_gaps(q, yes, held);
    free(yes);
    free(held);
    return rc;
}

/* A question that is being made: the chunks of all gaps, in order. */
struct question_level {
    struct adaptive_question *q;
    enum assembly_type type;
    unsigned k;
    struct chunk_cutter cutter;
    struct chunk_list chunks;
};

/* Takes a range as it is: hash 0 stands for "not asked". */
static void question_skip(struct question_level *l, uint64_t at, uint64_t end)
{
    while (at < end) {
        uint64_t n = end - at < CHUNK_GROUP_MAX ? end - at : CHUNK_GROUP_MAX;
        chunk_list_add(&l->chunks, &(struct chunk){.at = at, .len = (uint32_t)n});
        at += n;
    }
}

static void question_cut(struct question_level *l, uint64_t at, uint64_t end)
{
    const struct firmware_stream *f = l->q->firmware;

    if (l->type == ASSEMBLY_FINE) {
        chunk_list_cut(&l->chunks, &l->cutter, f->stored.bytes + at, at, end - at, l->k);
        return;
    }
    const struct chunk_list *chunks = &f->tree.chunks;
    for (size_t i = chunk_list_find(chunks, at); i < chunks->count && chunks->item[i].at < end; i++)
        chunk_list_add(&l->chunks, &chunks->item[i]);
}

/* Whether a question can still name the chunks of so many bytes. */
static bool question_has_room(const struct question_level *l, uint64_t len)
{
    return l->chunks.count + (len >> l->k) * 2 < ASSEMBLY_ASKED_MAX / 2;
}

static void question_ask_gap(struct question_level *l, const struct gap *g)
{
    const uint8_t *bytes = l->q->firmware->stored.bytes + g->at;
    uint64_t end = g->at + g->len;

    if (g->known || !question_has_room(l, g->len)) {
        question_skip(l, g->at, end);
    } else if (l->type == ASSEMBLY_FINE && g->len > 2 * QUESTION_EDGE &&
               chunk_is_dense(l->q->packer, (struct chunk_bytes){bytes, (size_t)g->len})) {
        question_cut(l, g->at, g->at + QUESTION_EDGE);
        question_skip(l, g->at + QUESTION_EDGE, end - QUESTION_EDGE);
        question_cut(l, end - QUESTION_EDGE, end);
    } else {
        question_cut(l, g->at, end);
    }
}

/* Appends the chunks, run by run: the device knows which runs it lacks. */
static void question_print(const struct question_level *l, struct buffer *out)
{
    const struct chunk_list *c = &l->chunks;
    unsigned bytes = assembly_hash_bytes(c->count, l->q->candidates >> l->k);
    size_t place = assembly_begin(out, l->type);

    if (l->type == ASSEMBLY_CHUNKS && bytes > CHUNK_INDEX_HASH)
        bytes = CHUNK_INDEX_HASH;
    assembly_put(out, bytes);
    assembly_put(out, l->k);
    for (size_t i = 0, end; i < c->count; i = end) {
        for (end = i + 1;
             end < c->count && c->item[end].at == c->item[end - 1].at + c->item[end - 1].len; end++)
            ;
        assembly_put(out, end - i);
        for (size_t k = i; k < end; k++) {
            assembly_put(out, c->item[k].len);
            assembly_put_hash(out, c->item[k].hash, bytes);
        }
    }
    assembly_end(out, place);
}

/* What is still missing after an answer. */
static void question_narrow(struct question_level *l, const uint8_t *yes)
{
    struct gap_list old = l->q->gaps, new = {0};
    size_t g = 0;

    for (size_t i = 0; i < l->chunks.count; i++) {
        const struct chunk *c = &l->chunks.item[i];
        while (old.item[g].at + old.item[g].len <= c->at)
            g++;
        if (!yes[i])
            gap_list_add(&new, c->at, c->len, old.item[g].known);
    }
    gap_list_free(&old);
    l->q->gaps = new;
}

static int question_level(struct adaptive_question *q, enum assembly_type type, unsigned k,
                          struct error *err)
{
    struct question_level l = {.q = q, .type = type, .k = k};
    uint8_t *yes;

    chunk_cutter_init(&l.cutter);
    for (size_t i = 0; i < q->gaps.count; i++)
        question_ask_gap(&l, &q->gaps.item[i]);
    question_print(&l, &q->dialog->out);
    int rc =
        adaptive_dialog_await_answer(q->dialog, type, l.chunks.count, &yes, &q->candidates, err);
    if (rc > 0 && yes)
        question_narrow(&l, yes);
    free(yes);
    chunk_list_free(&l.chunks);
    return rc;
}

int adaptive_question_refine(struct adaptive_question *q, struct error *err)
{
    if (q->dialog->too_slow || q->gaps.unknown <= QUESTION_CHUNKS_FROM)
        return 1;
    int rc = question_level(q, ASSEMBLY_CHUNKS, CHUNK_LOG, err);
    if (rc <= 0 || q->dialog->too_slow || q->gaps.unknown <= QUESTION_FINE_FROM ||
        q->gaps.unknown > q->firmware->stored.len / 2)
        return rc;
    return question_level(q, ASSEMBLY_FINE, CHUNK_LOG_FINE, err);
}
