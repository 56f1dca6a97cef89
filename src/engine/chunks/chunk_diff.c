/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/chunks/chunk_diff.h"

#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

/* The shortest match that is looked for, and how far apart the places are that can be found. */
#define DIFF_MATCH 24u
#define DIFF_STRIDE 4u
#define DIFF_FACTOR 0x9e3779b97f4a7c15ull
#define DIFF_LOG_MIN 12u
#define DIFF_LOG_MAX 25u
#define DIFF_NONE UINT32_MAX
/* A copy is extended until so many more bytes differ than are equal. */
#define DIFF_PATIENCE 64
/* Between two matches of one alignment, differences go along if a third of the bytes are equal, or
 * if they are so few. */
#define DIFF_SHORT 16u

struct chunk_diff {
    struct chunk_bytes old;
    uint32_t *table; /* places in old, divided by stride */
    unsigned log;    /* of its size */
    size_t stride;
    uint64_t power; /* of the factor, for the byte that leaves the hash */
};

static uint64_t diff_hash(const uint8_t *bytes)
{
    uint64_t hash = 0;

    for (unsigned i = 0; i < DIFF_MATCH; i++)
        hash = hash * DIFF_FACTOR + bytes[i] + 1;
    return hash;
}

/* The hash of the bytes that begin one later. */
static uint64_t diff_roll(const struct chunk_diff *d, uint64_t hash, const uint8_t *bytes)
{
    return (hash - (bytes[0] + 1ull) * d->power) * DIFF_FACTOR + bytes[DIFF_MATCH] + 1;
}

static uint32_t *diff_cell(const struct chunk_diff *d, uint64_t hash)
{
    return &d->table[hash * DIFF_FACTOR >> (64 - d->log)];
}

struct chunk_diff *chunk_diff_new(struct chunk_bytes old, uint64_t covered)
{
    struct chunk_diff *d = memory_new(1, sizeof *d);

    *d = (struct chunk_diff){.old = old, .log = DIFF_LOG_MIN, .stride = DIFF_STRIDE, .power = 1};
    while (covered / d->stride > 1u << DIFF_LOG_MAX || old.len / d->stride >= DIFF_NONE)
        d->stride *= 2;
    while (1ull << d->log < covered / d->stride * 2 && d->log < DIFF_LOG_MAX)
        d->log++;
    d->table = memory_new((size_t)1 << d->log, sizeof *d->table);
    memset(d->table, 0xff, sizeof *d->table << d->log);
    for (unsigned i = 0; i + 1 < DIFF_MATCH; i++)
        d->power *= DIFF_FACTOR;
    return d;
}

void chunk_diff_free(struct chunk_diff *d)
{
    if (d)
        free(d->table);
    free(d);
}

void chunk_diff_add(struct chunk_diff *d, uint64_t from, uint64_t to)
{
    const uint8_t *old = d->old.bytes;

    if (to > d->old.len)
        to = d->old.len;
    if (to < from || to - from < DIFF_MATCH)
        return;
    uint64_t hash = diff_hash(old + from);
    for (size_t i = (size_t)from;; i++) {
        uint32_t *cell = diff_cell(d, hash);
        if (i % d->stride == 0 && *cell == DIFF_NONE)
            *cell = (uint32_t)(i / d->stride);
        if (i + DIFF_MATCH >= to)
            break;
        hash = diff_roll(d, hash, old + i);
    }
}

/* The work on one piece of new bytes. */
struct diff_work {
    const struct chunk_diff *d;
    const uint8_t *new, *old;
    size_t new_len, old_len;
    size_t done;  /* new bytes that are in the steps */
    size_t place; /* in old, where the last copy ended */
    size_t copy;  /* length of the copy that is open: its changes are there, its step is not */
    int64_t move; /* of the open copy */
    bool open;
    struct chunk_steps *out;
};

/* How far it pays to go on from two places, in new and in old. */
static size_t diff_reach(const uint8_t *new, size_t new_left, const uint8_t *old, size_t old_left)
{
    size_t most = new_left < old_left ? new_left : old_left, reach = 0;
    long sum = 0, best = 0;

    for (size_t i = 0; i < most && sum >= best - DIFF_PATIENCE; i++) {
        sum += new[i] == old[i] ? 1 : -1;
        if (sum > best) {
            best = sum;
            reach = i + 1;
        }
    }
    return reach;
}

/* The same backwards: from the bytes before the two places. */
static size_t diff_reach_back(const uint8_t *new, size_t new_left, const uint8_t *old,
                              size_t old_left)
{
    size_t most = new_left < old_left ? new_left : old_left, reach = 0;
    long sum = 0, best = 0;

    for (size_t i = 1; i <= most && sum >= best - DIFF_PATIENCE; i++) {
        sum += *(new - i) == *(old - i) ? 1 : -1;
        if (sum > best) {
            best = sum;
            reach = i;
        }
    }
    return reach;
}

/* Where the open copy would be at a place in new, if it went on; SIZE_MAX if that is not in old. */
static size_t diff_continued(const struct diff_work *w, size_t at)
{
    size_t place = w->place + (at - w->done);

    return w->open && place + DIFF_MATCH <= w->old_len ? place : SIZE_MAX;
}

/* The place in old of the bytes at a place in new, whose hash is given; SIZE_MAX: none. */
static size_t diff_find(const struct diff_work *w, size_t at, uint64_t hash)
{
    size_t old = diff_continued(w, at);

    if (old != SIZE_MAX && !memcmp(w->old + old, w->new + at, DIFF_MATCH))
        return old;
    uint32_t cell = *diff_cell(w->d, hash);
    if (cell == DIFF_NONE)
        return SIZE_MAX;
    old = (size_t)cell * w->d->stride;
    return memcmp(w->old + old, w->new + at, DIFF_MATCH) ? SIZE_MAX : old;
}

static void diff_put_step(struct diff_work *w, size_t literals)
{
    struct chunk_steps *out = w->out;

    assembly_put(&out->steps, w->copy);
    assembly_put(&out->steps, literals);
    assembly_put_signed(&out->steps, w->move);
    buffer_add(&out->literals, w->new + w->done, literals);
    w->done += literals;
    w->copy = 0;
}

/* Extends the open copy by len bytes. */
static void diff_copy(struct diff_work *w, size_t len)
{
    char piece[4096];

    for (size_t i = 0; i < len;) {
        size_t n = len - i < sizeof piece ? len - i : sizeof piece;
        for (size_t k = 0; k < n; k++)
            piece[k] = (char)(w->new[w->done + i + k] - w->old[w->place + i + k]);
        buffer_add(&w->out->changes, piece, n);
        i += n;
    }
    w->copy += len;
    w->place += len;
    w->done += len;
}

/* Opens a copy from a place in old, after literals up to a place in new. */
static void diff_open(struct diff_work *w, size_t at, size_t old)
{
    struct chunk_steps *out = w->out;

    if (w->open || at > w->done)
        diff_put_step(w, at - w->done);
    w->move = (int64_t)old - (w->open ? (int64_t)w->place : 0);
    if (!w->open && out->low > out->high)
        out->first = old;
    w->open = true;
    w->place = old;
}

/* The border between two copies that reach over each other: how many of the last over bytes of the
 * first one stay with it. */
static size_t diff_border(const struct diff_work *w, size_t forward, size_t match, size_t old,
                          size_t back, size_t over)
{
    const uint8_t *a_new = w->new + w->done + forward - over;
    const uint8_t *a_old = w->old + w->place + forward - over;
    const uint8_t *b_new = w->new + match - back, *b_old = w->old + old - back;
    size_t cut = 0;
    long sum = 0, best = 0;

    for (size_t i = 0; i < over; i++) {
        sum += (a_new[i] == a_old[i]) - (b_new[i] == b_old[i]);
        if (sum > best) {
            best = sum;
            cut = i + 1;
        }
    }
    return cut;
}

/* Whether what lies between two matches of one alignment goes along as differences. */
static bool diff_goes_along(const struct diff_work *w, size_t gap)
{
    size_t same = 0;

    for (size_t i = 0; i < gap; i++)
        same += w->new[w->done + i] == w->old[w->place + i];
    return same * 3 >= gap || gap < DIFF_SHORT;
}

/* Shares the bytes between the open copy and a match: how many go to the copy, and how many to the
 * match. */
static void diff_share(const struct diff_work *w, size_t match, size_t old, size_t *forward,
                       size_t *back)
{
    size_t gap = match - w->done;

    *forward = *back = 0;
    if (gap && old == diff_continued(w, match) && diff_goes_along(w, gap)) {
        *forward = gap;
        return;
    }
    if (w->open)
        *forward = diff_reach(w->new + w->done, gap, w->old + w->place, w->old_len - w->place);
    *back = diff_reach_back(w->new + match, gap, w->old + old, old);
    if (*forward + *back <= gap)
        return;
    size_t over = *forward + *back - gap;
    *forward -= over - diff_border(w, *forward, match, old, *back, over);
    *back = gap - *forward;
}

/* Takes a match into the steps; returns where in new it ends. */
static size_t diff_take(struct diff_work *w, size_t match, size_t old)
{
    size_t end = match + DIFF_MATCH, forward, back;

    diff_share(w, match, old, &forward, &back);
    while (end < w->new_len && old + (end - match) < w->old_len &&
           w->new[end] == w->old[old + (end - match)])
        end++;
    if (forward)
        diff_copy(w, forward);
    if (!w->open || match - back > w->done || old - back != w->place)
        diff_open(w, match - back, old - back);
    if (w->place < w->out->low)
        w->out->low = w->place;
    diff_copy(w, end - w->done);
    if (w->place > w->out->high)
        w->out->high = w->place;
    return end;
}

void chunk_diff_make(const struct chunk_diff *d, struct chunk_bytes bytes, struct chunk_steps *s)
{
    struct diff_work w = {.d = d,
                          .new = bytes.bytes,
                          .old = d->old.bytes,
                          .new_len = bytes.len,
                          .old_len = d->old.len,
                          .out = s};
    bool primed = false;
    uint64_t hash = 0;

    *s = (struct chunk_steps){.low = UINT64_MAX};
    for (size_t at = 0; at + DIFF_MATCH <= w.new_len;) {
        hash = primed ? hash : diff_hash(w.new + at);
        size_t old = diff_find(&w, at, hash);
        primed = old == SIZE_MAX && at + DIFF_MATCH < w.new_len;
        if (old != SIZE_MAX)
            at = diff_take(&w, at, old);
        else {
            if (primed)
                hash = diff_roll(d, hash, w.new + at);
            at++;
        }
    }
    if (w.open)
        diff_copy(&w, diff_reach(w.new + w.done, w.new_len - w.done, w.old + w.place,
                                 w.old_len - w.place));
    diff_put_step(&w, w.new_len - w.done);
}

void chunk_steps_free(struct chunk_steps *s)
{
    buffer_free(&s->steps);
    buffer_free(&s->changes);
    buffer_free(&s->literals);
}

bool chunk_step_next(struct assembly_body *body, struct chunk_step *step)
{
    if (!body->len || body->bad)
        return false;
    step->copy = assembly_get(body);
    step->literals = assembly_get(body);
    step->move = assembly_get_signed(body);
    return !body->bad;
}
