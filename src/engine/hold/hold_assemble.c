/* SPDX-License-Identifier: Apache-2.0 */
#include "base/io.h"
#include "base/memory.h"
#include "engine/chunks/chunk_hash.h"
#include "engine/hold/hold_frame.h"

#include <stdlib.h>
#include <string.h>

/* Groups are put together ahead of the updater, so that a late one costs no pause. Farther if some
 * of them come from what it is about to overwrite: they are read before they are gone. What is
 * ahead is lost when the push is cut. */
#define ASSEMBLE_AHEAD (512u << 10)
#define ASSEMBLE_AHEAD_FAR (4u << 20)
#define ASSEMBLE_RING 1024u
#define ASSEMBLE_LOOK 1.0

/* A group that has been put together, or waits for a fill. */
struct assemble_slot {
    uint8_t *bytes; /* owned */
    uint32_t group;
    bool ready;
};

struct assemble {
    struct hold *h;
    struct hold_frames frames;
    struct assemble_slot ring[ASSEMBLE_RING];
    size_t first, count; /* in the ring */
    uint64_t bytes, most;
    size_t waiting; /* groups that wait for a fill */
    size_t group;   /* the next one */
    uint8_t *open;  /* its bytes; owned; NULL: not begun */
    size_t filled;  /* of them */
    size_t piece;   /* the piece of the stream where the next byte lies */
    size_t fed;     /* bytes of the first group in the ring that the updater has */
    bool end;       /* the host has sent everything */
    bool deaf;      /* the updater reads no more */
};

static bool assemble_reads_ahead(const struct hold *h)
{
    const struct hold_sources *s = &h->sources;
    uint64_t from = s->first < s->count ? s->source[s->first].place : UINT64_MAX;

    for (size_t i = 0; i < h->stream.count; i++)
        if (h->stream.item[i].place != CHUNK_NOWHERE && h->stream.item[i].place >= from)
            return true;
    return false;
}

static void assemble_open(struct assemble *a, struct hold *h)
{
    a->h = h;
    a->most = assemble_reads_ahead(h) ? ASSEMBLE_AHEAD_FAR : ASSEMBLE_AHEAD;
    hold_frames_open(&a->frames, h);
}

static void assemble_close(struct assemble *a)
{
    for (; a->count; a->count--) {
        free(a->ring[a->first].bytes);
        a->first = (a->first + 1) % ASSEMBLE_RING;
    }
    free(a->open);
    hold_frames_close(&a->frames);
}

/* Every group is there, and has been checked. */
static bool assemble_is_complete(const struct assemble *a)
{
    return a->group == a->h->groups && !a->waiting;
}

static void assemble_ask(struct assemble *a, size_t group)
{
    assembly_add_number(&a->h->link.queue, ASSEMBLY_LATE, group);
    a->waiting++;
}

/* Reads the next piece of the open group: the count, 0 if the host has to send first. */
static ssize_t assemble_read(struct assemble *a, size_t want, struct error *err)
{
    struct hold *h = a->h;
    uint64_t at = h->group[a->group].at + a->filled;
    const struct hold_piece *p = &h->stream.item[a->piece];
    uint64_t skip = at - p->at;
    size_t n = p->len - skip < want ? (size_t)(p->len - skip) : want;

    if (p->place == CHUNK_NOWHERE) {
        ssize_t got = hold_frames_take(&a->frames, a->open + a->filled, n, err);
        if (got <= 0)
            return got;
        n = (size_t)got;
    } else if (!hold_sources_read(&h->sources, p->place + skip, a->open + a->filled, n)) {
        memset(a->open + a->filled, 0, n);
    }
    if (skip + n == p->len)
        a->piece++;
    return (ssize_t)n;
}

/* Goes on with the next group: 1 when it is done, 0 if the host has to send first. */
static int assemble_group(struct assemble *a, struct error *err)
{
    const struct hold_group *g = &a->h->group[a->group];

    if (!a->open) {
        a->open = memory_new(g->len, 1);
        a->filled = 0;
    }
    while (a->filled < g->len) {
        ssize_t n = assemble_read(a, g->len - a->filled, err);
        if (n <= 0)
            return (int)n;
        a->filled += (size_t)n;
    }
    struct assemble_slot *slot = &a->ring[(a->first + a->count++) % ASSEMBLE_RING];
    *slot = (struct assemble_slot){.bytes = a->open,
                                   .group = (uint32_t)a->group,
                                   .ready = chunk_hash(a->open, g->len) == g->hash};
    if (!slot->ready)
        assemble_ask(a, a->group);
    a->bytes += g->len;
    a->open = NULL;
    a->group++;
    return 1;
}

static bool assemble_has_room(const struct assemble *a)
{
    return a->group < a->h->groups && a->count < ASSEMBLE_RING && (!a->count || a->bytes < a->most);
}

/* Puts together what can be: 0, or -1 with the error set. */
static int assemble_go_on(struct assemble *a, struct error *err)
{
    bool complete = assemble_is_complete(a);
    int rc = 1;

    while (rc > 0 && assemble_has_room(a))
        rc = assemble_group(a, err);
    if (rc == 0 && a->end)
        return hold_link_bad(err, "the host has sent too little");
    if (!complete && assemble_is_complete(a)) {
        a->h->link.host_needed = false;
        hold_link_say(&a->h->link, &(struct hold_word){.kind = HOLD_COMPLETE});
    }
    return rc < 0 ? -1 : 0;
}

/* A group that was asked for. */
static int assemble_fill(struct assemble *a, struct assembly_body *body, struct error *err)
{
    uint64_t group = assembly_get(body), len = assembly_get(body);

    for (size_t i = 0; i < a->count && !body->bad; i++) {
        struct assemble_slot *slot = &a->ring[(a->first + i) % ASSEMBLE_RING];
        const struct hold_group *g = &a->h->group[slot->group];
        if (slot->group != group || slot->ready || len != g->len)
            continue;
        slot->ready = hold_frames_unpack(&a->frames, (struct chunk_bytes){body->bytes, body->len},
                                         slot->bytes, g->len) &&
                      chunk_hash(slot->bytes, g->len) == g->hash;
        if (!slot->ready)
            break;
        a->waiting--;
        return 0;
    }
    return hold_link_bad(err, "a fill does not fit");
}

static int assemble_hear(struct assemble *a, struct error *err)
{
    struct assembly_record record;
    int found;

    while ((found = hold_link_take(&a->h->link, &record, err)) > 0) {
        if ((record.type == ASSEMBLY_FRAME || record.type == ASSEMBLY_FRAME_BASE) && !a->end) {
            if (hold_frames_put(&a->frames, &record, err))
                return -1;
        } else if (record.type == ASSEMBLY_FILL) {
            if (assemble_fill(a, &record.body, err))
                return -1;
        } else if (record.type == ASSEMBLY_END && !a->end && !record.body.len) {
            a->end = true;
        } else {
            return hold_link_bad(err, "a record that nobody expects");
        }
    }
    return found;
}

static bool assemble_can_feed(const struct assemble *a)
{
    return a->count && a->ring[a->first].ready && !a->deaf;
}

static void assemble_drop_first(struct assemble *a)
{
    struct assemble_slot *slot = &a->ring[a->first];

    a->bytes -= a->h->group[slot->group].len;
    free(slot->bytes);
    a->first = (a->first + 1) % ASSEMBLE_RING;
    a->count--;
    a->fed = 0;
}

static void assemble_feed(struct assemble *a)
{
    while (assemble_can_feed(a)) {
        const struct assemble_slot *slot = &a->ring[a->first];
        size_t len = a->h->group[slot->group].len;
        ssize_t n = hold_link_feed(&a->h->link, slot->bytes + a->fed, len - a->fed);
        a->deaf = n < 0;
        if (n <= 0)
            return;
        a->fed += (size_t)n;
        if (a->fed == len)
            assemble_drop_first(a);
    }
}

/* One round of the loop: 0, or -1 with the error set. */
static int assemble_round(struct assemble *a, struct error *err)
{
    struct hold_event event;
    bool owed = a->waiting || (assemble_has_room(a) && hold_frames_are_used_up(&a->frames));

    if (hold_link_serve(&a->h->link, owed, assemble_can_feed(a), io_now() + ASSEMBLE_LOOK, &event,
                        err) ||
        assemble_hear(a, err))
        return -1;
    a->deaf |= event.deaf;
    if (event.feedable)
        assemble_feed(a);
    return assemble_go_on(a, err);
}

/* The updater has ended: the host may still be sending. */
static bool assemble_is_over(const struct assemble *a)
{
    return a->deaf || (a->group == a->h->groups && !a->count);
}

int hold_assemble(struct hold *h, struct error *err)
{
    struct assemble *a = memory_new(1, sizeof *a);
    int rc;

    assemble_open(a, h);
    rc = assemble_go_on(a, err);
    while (!rc && !assemble_is_over(a))
        rc = assemble_round(a, err);
    assemble_close(a);
    free(a);
    return rc;
}
