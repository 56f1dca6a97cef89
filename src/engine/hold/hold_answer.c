/* SPDX-License-Identifier: Apache-2.0 */
#include "base/io.h"
#include "base/memory.h"
#include "engine/chunks/chunk_frame.h"
#include "engine/chunks/chunk_hash.h"
#include "engine/chunks/chunk_list.h"
#include "engine/chunks/chunk_table.h"
#include "engine/hold/hold.h"

#include <stdlib.h>
#include <string.h>

/* What is about to be overwritten is looked at only if so much is missing. */
#define ANSWER_SECOND_FROM (2u << 20)
#define ANSWER_FINE_PIECE (1u << 20)
#define ANSWER_TICK 1.0 /* seconds between two signs of life */

/* The data of an entry, as a list of parts has it. */
struct answer_part {
    uint64_t at, len;
    const uint8_t *name; /* in the record */
    size_t name_len;
};

struct answer_parts {
    struct answer_part *item; /* owned */
    size_t count;
};

/* In order, and none over another: so a place belongs to one of them at most. */
static void answer_read_parts(struct assembly_body *body, struct answer_parts *p)
{
    uint64_t count = assembly_get(body), end = 0;

    *p = (struct answer_parts){0};
    body->bad |= count > ASSEMBLY_PARTS_MAX;
    if (body->bad)
        return;
    p->item = memory_new((size_t)count, sizeof *p->item);
    while (p->count < count && !body->bad) {
        struct answer_part *part = &p->item[p->count++];
        part->at = assembly_get(body);
        part->len = assembly_get(body);
        uint64_t len = assembly_get(body);
        body->bad |= len > ASSEMBLY_NAME_MAX || part->at < end || part->len > INT64_MAX - part->at;
        end = part->at + part->len;
        part->name = assembly_get_bytes(body, len);
        part->name_len = (size_t)len;
    }
}

/* Whether a part is a resource (docs/fw-format.md: its entry is data/NAME). */
static bool answer_part_is(const struct answer_part *part, const char *resource)
{
    static const char data[] = "data/";
    size_t before = strlen(data), len = strlen(resource);

    return part->name_len == before + len && !memcmp(part->name, data, before) &&
           !memcmp(part->name + before, resource, len);
}

/* Whether a group is on the device where its part would lie in a source. */
static bool answer_is_at(struct hold *h, const struct hold_group *g, uint64_t place)
{
    uint8_t *bytes = memory_new(g->len, 1);
    bool is = hold_sources_read(&h->sources, place, bytes, g->len) &&
              chunk_hash(bytes, g->len) == g->hash;

    free(bytes);
    return is;
}

/* The last group of a part is rarely in the index: on the medium, other bytes follow it. So it is
 * looked for at its place. */
static uint64_t answer_find_last(struct hold *h, const struct answer_parts *parts,
                                 const struct hold_group *g)
{
    for (size_t i = 0; i < parts->count; i++) {
        const struct answer_part *p = &parts->item[i];
        if (g->at < p->at || g->at + g->len != p->at + p->len)
            continue;
        for (size_t s = 1; s < h->looked_at; s++) {
            const struct hold_source *source = &h->sources.source[s];
            uint64_t at = g->at - p->at;
            if (source->resource && answer_part_is(p, source->resource) && at < source->len &&
                answer_is_at(h, g, source->place + at))
                return source->place + at;
        }
    }
    return CHUNK_NOWHERE;
}

static int answer_read_start(struct hold *h, struct assembly_body *body, struct error *err)
{
    uint64_t len = assembly_get(body), packed = assembly_get(body);
    const uint8_t *frame = assembly_get_bytes(body, packed);

    if (body->bad || len > ASSEMBLY_START_MAX || len > h->size)
        return hold_link_bad(err, "the start of the stream does not fit");
    h->start = memory_new((size_t)len, 1);
    h->start_len = (size_t)len;
    if (!len)
        return 0;
    struct chunk_unpacker *u = chunk_unpacker_new();
    bool good = chunk_unpack(u, (struct chunk_bytes){frame, (size_t)packed},
                             (struct chunk_bytes){0}, h->start, h->start_len);
    chunk_unpacker_free(u);
    return good ? 0 : hold_link_bad(err, "the start of the stream is damaged");
}

static int answer_read_groups(struct hold *h, struct assembly_body *body, struct error *err)
{
    uint64_t count = assembly_get(body), at = 0;

    if (body->bad || count > ASSEMBLY_GROUPS_MAX)
        return hold_link_bad(err, "too many groups");
    h->group = memory_new((size_t)count, sizeof *h->group);
    h->groups = (size_t)count;
    for (size_t i = 0; i < count; i++) {
        uint64_t len = assembly_get(body), hash = assembly_get_hash(body, ASSEMBLY_GROUP_HASH);
        if (body->bad || !len || len > CHUNK_GROUP_MAX || len > h->size - at)
            return hold_link_bad(err, "a group does not fit");
        h->group[i] = (struct hold_group){.at = at, .hash = hash, .len = (uint32_t)len};
        at += len;
    }
    return at == h->size && !body->len ? 0 : hold_link_bad(err, "groups and size differ");
}

/* A sign of life for the host, whose connection is looked after, too: 1 if it does not want the
 * answer any more, -1 with the error set. */
static int answer_tick(void *data, uint64_t bytes)
{
    struct hold *h = data;
    struct hold_event event;
    double now = io_now();

    h->indexed += bytes;
    if (now < h->told + ANSWER_TICK)
        return 0;
    h->told = now;
    uint64_t all = h->sources.places ? h->sources.places : 1;
    assembly_add_number(&h->link.queue, ASSEMBLY_PROGRESS, h->indexed * 100 / all);
    if (hold_link_serve(&h->link, false, false, 0, &event, &h->error))
        return -1;
    /* The host has waited long enough, and wants something else. */
    return hold_link_has(&h->link, ASSEMBLY_WHOLE) || hold_link_has(&h->link, ASSEMBLY_END);
}

/* Where a group of the stream is; those at the start are in memory. */
static uint64_t answer_find_group(struct hold *h, const struct answer_parts *parts,
                                  const struct hold_group *g)
{
    if (g->at + g->len <= h->start_len)
        return g->at;
    uint64_t place = chunk_index_find_group(h->index, g->hash, g->len, true);
    return place == CHUNK_NOWHERE ? answer_find_last(h, parts, g) : place;
}

static int answer_index(struct hold *h, const struct answer_parts *parts, size_t to,
                        struct error *err)
{
    int rc = hold_sources_index(&h->sources, h->looked_at, to, h->index, answer_tick, h);

    if (rc) {
        *err = h->error;
        return rc;
    }
    h->looked_at = to;
    h->stream.count = 0;
    for (size_t i = 0; i < h->groups; i++)
        hold_pieces_add(&h->stream, h->group[i].at, h->group[i].len,
                        answer_find_group(h, parts, &h->group[i]));
    return 0;
}

/* Finds what the device holds: what stays first; what is about to be overwritten, the remains of an
 * earlier attempt, only if that leaves much missing. */
static int answer_look(struct hold *h, const struct answer_parts *parts, struct error *err)
{
    struct hold_sources *s = &h->sources;

    h->looked_at = 1;
    int rc = answer_index(h, parts, s->first, err);
    if (rc)
        return rc;
    if (s->first == s->count || hold_pieces_missing(&h->stream) < ANSWER_SECOND_FROM)
        return 0;
    return answer_index(h, parts, s->count, err);
}

/* Sends an answer about some of count elements. */
static void answer_send(struct hold *h, enum assembly_type level, const uint8_t *yes, size_t count)
{
    struct buffer *queue = &h->link.queue;
    size_t place = assembly_begin(queue, ASSEMBLY_ANSWER);
    const char byte = (char)level;

    buffer_add(queue, &byte, 1);
    assembly_put(queue, chunk_index_candidates(h->index));
    assembly_put_runs(queue, yes, count);
    assembly_end(queue, place);
}

static void answer_send_pieces(struct hold *h, enum assembly_type level,
                               const struct hold_pieces *p)
{
    uint8_t *yes = memory_new(p->count, 1);

    for (size_t i = 0; i < p->count; i++)
        yes[i] = p->item[i].place != CHUNK_NOWHERE;
    answer_send(h, level, yes, p->count);
    free(yes);
}

static int answer_read_firmware(struct hold *h, struct error *err)
{
    struct source_bytes bytes = {h->start, h->start_len};
    struct firmware fw;

    if (!h->start_len)
        return 0;
    if (firmware_open(&fw, source_from_bytes(&bytes), &h->options->keys, err))
        return error_suffix(err, "nothing was activated");
    hold_sources_find(&h->sources, &fw, h->options->task);
    firmware_close(&fw);
    return 0;
}

/* Returns 1 if the host does not want the answer any more. */
static int answer_read_list(struct hold *h, struct assembly_body *body,
                            const struct answer_parts *parts, struct error *err)
{
    int device = h->sources.device;

    const struct answer_part *last = parts->count ? &parts->item[parts->count - 1] : NULL;

    if (body->bad || !h->size || h->bases_announced > HOLD_BASES_MAX ||
        (last && last->at + last->len > h->size))
        return hold_link_bad(err, "the list is damaged");
    if (answer_read_start(h, body, err) || answer_read_groups(h, body, err))
        return -1;
    hold_sources_open(&h->sources, device, h->start, h->start_len);
    for (size_t i = 0; i < h->given; i++)
        hold_sources_add(&h->sources, h->given_fd[i]);
    return answer_read_firmware(h, err) ? -1 : answer_look(h, parts, err);
}

static int answer_list(struct hold *h, struct assembly_body *body, struct error *err)
{
    struct answer_parts parts;

    if (h->group)
        return hold_link_bad(err, "a second list");
    h->bases_announced = (size_t)assembly_get(body);
    h->size = assembly_get(body);
    answer_read_parts(body, &parts);
    int rc = answer_read_list(h, body, &parts, err);
    free(parts.item);
    if (!rc)
        answer_send_pieces(h, ASSEMBLY_LIST, &h->stream);
    return rc < 0 ? -1 : 0;
}

/* A base that is being read. */
struct answer_base {
    struct hold *h;
    struct answer_parts parts;
    uint64_t at;
    uint64_t last; /* the group of the stream that was named last */
};

/* A group of a base: one of the stream, by its distance from the last one named, or one by itself.
 * Returns its length, 0 if it is bad. */
static uint32_t answer_base_group(struct answer_base *b, struct assembly_body *body,
                                  uint64_t *place)
{
    struct hold *h = b->h;
    uint64_t r = assembly_get(body);

    if (r) {
        b->last = r & 1 ? b->last + r / 2 : b->last - r / 2;
        if (body->bad || b->last >= h->groups)
            return 0;
        *place = h->stream.item[b->last].place;
        return h->group[b->last].len;
    }
    uint64_t len = assembly_get(body), hash = assembly_get_hash(body, ASSEMBLY_GROUP_HASH);
    if (body->bad || !len || len > CHUNK_GROUP_MAX)
        return 0;
    const struct hold_group g = {.at = b->at, .hash = hash, .len = (uint32_t)len};
    *place = chunk_index_find_group(h->index, hash, len, false);
    if (*place == CHUNK_NOWHERE)
        *place = answer_find_last(h, &b->parts, &g);
    return g.len;
}

static int answer_base_groups(struct answer_base *b, struct assembly_body *body,
                              struct hold_pieces *p, struct error *err)
{
    uint64_t count = assembly_get(body);

    if (body->bad || count > ASSEMBLY_GROUPS_MAX)
        return hold_link_bad(err, "too many groups");
    for (uint64_t i = 0; i < count; i++) {
        uint64_t place;
        uint32_t len = answer_base_group(b, body, &place);
        if (!len || b->at > (uint64_t)INT64_MAX - len)
            return hold_link_bad(err, "a group of a base does not fit");
        hold_pieces_add(p, b->at, len, place);
        b->at += len;
    }
    return body->len ? hold_link_bad(err, "a base is too long") : 0;
}

static int answer_base(struct hold *h, struct assembly_body *body, struct error *err)
{
    struct answer_base b = {.h = h};

    if (hold_link_has(&h->link, ASSEMBLY_WHOLE))
        return 0; /* no answer is wanted any more */
    if (!h->group || h->bases == h->bases_announced || h->asked)
        return hold_link_bad(err, "a base that was not announced");
    struct hold_pieces *p = &h->base[h->bases++];
    answer_read_parts(body, &b.parts);
    int rc = answer_base_groups(&b, body, p, err);
    free(b.parts.item);
    if (!rc)
        answer_send_pieces(h, ASSEMBLY_BASE, p);
    return rc;
}

/* A question for the chunks of what is missing, which they replace. */
struct answer_question {
    struct hold *h;
    enum assembly_type level;
    uint64_t bytes; /* of a hash */
    uint64_t k;     /* chunks of 2^k bytes on average */
    struct hold_pieces pieces;
    size_t *asked;  /* the pieces that are chunks; owned */
    uint64_t *hash; /* of each of them; owned */
    size_t count;
};

static struct hold_piece *question_piece(const struct answer_question *q, size_t i)
{
    return &q->pieces.item[q->asked[i]];
}

static int question_run(struct answer_question *q, struct assembly_body *body, uint64_t at,
                        uint64_t end, struct error *err)
{
    for (uint64_t n = assembly_get(body); n; n--) {
        uint64_t len = assembly_get(body), hash = assembly_get_hash(body, (unsigned)q->bytes);
        if (body->bad || !len || len > end - at || len > CHUNK_GROUP_MAX ||
            q->count == ASSEMBLY_ASKED_MAX)
            return hold_link_bad(err, "a question does not fit");
        q->asked[q->count] = q->pieces.count;
        q->hash[q->count++] = hash;
        hold_pieces_add(&q->pieces, at, (uint32_t)len, CHUNK_NOWHERE);
        at += len;
    }
    return at == end ? 0 : hold_link_bad(err, "question and gap differ");
}

/* Reads the chunks of each run of what is missing. */
static int question_read(struct answer_question *q, struct assembly_body *body, struct error *err)
{
    const struct hold_pieces *old = &q->h->stream;
    bool fine = q->level == ASSEMBLY_FINE;
    unsigned most = fine ? 8 : CHUNK_INDEX_HASH, least = fine ? CHUNK_LOG_MIN : CHUNK_LOG;

    q->bytes = assembly_get(body);
    q->k = assembly_get(body);
    if (body->bad || q->bytes < 2 || q->bytes > most || q->k < least || q->k > CHUNK_LOG)
        return hold_link_bad(err, "a question does not fit");
    for (size_t i = 0; i < old->count;) {
        uint64_t at = old->item[i].at, end = at;
        if (old->item[i].place != CHUNK_NOWHERE) {
            hold_pieces_add(&q->pieces, at, old->item[i].len, old->item[i].place);
            i++;
            continue;
        }
        while (i < old->count && old->item[i].place == CHUNK_NOWHERE)
            end += old->item[i++].len;
        if (question_run(q, body, at, end, err))
            return -1;
    }
    return body->len || body->bad ? hold_link_bad(err, "a question is too long") : 0;
}

/* Chunks as the index has them. */
static void question_search(struct answer_question *q)
{
    for (size_t i = 0; i < q->count; i++) {
        struct hold_piece *p = question_piece(q, i);
        if (q->hash[i] && p->len <= CHUNK_MAX)
            p->place = chunk_index_find_chunk(q->h->index, q->hash[i], (unsigned)q->bytes, p->len);
    }
}

/* What is asked for, by hash. What is asked for more than once is there once, and the others are
 * chained to it, so that they take no longer. */
struct question_table {
    struct chunk_table first;
    uint32_t *next; /* of each chunk asked for, + 1; 0: none; owned */
};

/* Where a hash and a length are, or the free cell where they would be. */
static size_t question_find(const struct answer_question *q, const struct question_table *t,
                            uint64_t hash, uint32_t len)
{
    size_t at = chunk_table_first(&t->first, hash);

    for (;; at = chunk_table_next(&t->first, at)) {
        uint32_t i = t->first.cell[at];
        if (i == CHUNK_TABLE_FREE || (q->hash[i] == hash && question_piece(q, i)->len == len))
            return at;
    }
}

static void question_table_open(struct question_table *t, const struct answer_question *q)
{
    *t = (struct question_table){.next = memory_new(q->count, sizeof *t->next)};
    chunk_table_open(&t->first, q->count);
    for (size_t i = 0; i < q->count; i++) {
        if (!q->hash[i])
            continue;
        uint32_t *cell = &t->first.cell[question_find(q, t, q->hash[i], question_piece(q, i)->len)];
        t->next[i] = *cell == CHUNK_TABLE_FREE ? 0 : *cell + 1;
        *cell = (uint32_t)i;
    }
}

static void question_table_close(struct question_table *t)
{
    chunk_table_free(&t->first);
    free(t->next);
}

/* A chunk of what is held: whoever asked for it has found it. */
static void question_match(struct answer_question *q, const struct question_table *t,
                           const struct chunk *c, uint64_t place)
{
    uint64_t hash = assembly_cut_hash(c->hash, (unsigned)q->bytes);
    uint32_t first = t->first.cell[question_find(q, t, hash, c->len)];

    if (first == CHUNK_TABLE_FREE || question_piece(q, first)->place != CHUNK_NOWHERE)
        return;
    for (uint32_t i = first + 1; i; i = t->next[i - 1])
        question_piece(q, i - 1)->place = place;
}

/* Cuts what has not been found yet as finely as the host has cut what it misses. */
static int question_search_fine(struct answer_question *q, struct error *err)
{
    uint8_t *piece = memory_new(ANSWER_FINE_PIECE, 1);
    struct question_table table;
    struct chunk_cutter cutter;
    struct chunk_list list = {0};
    uint64_t place;
    size_t at = 0, len;
    int rc = 0;

    chunk_cutter_init(&cutter);
    question_table_open(&table, q);
    while (!rc && chunk_index_next_run(q->h->index, &at, ANSWER_FINE_PIECE, &place, &len)) {
        if (!hold_sources_read(&q->h->sources, place, piece, len))
            continue;
        list.count = 0;
        chunk_list_cut(&list, &cutter, piece, 0, len, (unsigned)q->k);
        for (size_t i = 0; i < list.count; i++)
            question_match(q, &table, &list.item[i], place + list.item[i].at);
        rc = answer_tick(q->h, 0);
    }
    if (rc)
        *err = q->h->error;
    chunk_list_free(&list);
    question_table_close(&table);
    free(piece);
    return rc;
}

static void question_answer(struct answer_question *q)
{
    uint8_t *yes = memory_new(q->count, 1);

    for (size_t i = 0; i < q->count; i++)
        yes[i] = question_piece(q, i)->place != CHUNK_NOWHERE;
    answer_send(q->h, q->level, yes, q->count);
    free(yes);
}

/* The list has come, with all its bases. */
static bool answer_is_listed(const struct hold *h)
{
    return h->group && h->bases == h->bases_announced;
}

static int answer_chunks(struct hold *h, struct assembly_record *record, struct error *err)
{
    struct answer_question q = {.h = h,
                                .level = record->type,
                                .asked = memory_new(ASSEMBLY_ASKED_MAX, sizeof *q.asked),
                                .hash = memory_new(ASSEMBLY_ASKED_MAX, sizeof *q.hash)};
    unsigned level = record->type == ASSEMBLY_CHUNKS ? 1 : 2;
    int rc = answer_is_listed(h) && !(h->asked & level)
                 ? question_read(&q, &record->body, err)
                 : hold_link_bad(err, "a question without a list, or a second one");

    h->asked |= level;
    if (!rc && record->type == ASSEMBLY_CHUNKS)
        question_search(&q);
    else if (!rc && h->options->finest)
        rc = question_search_fine(&q, err);
    if (rc == 0) {
        question_answer(&q);
        hold_pieces_free(&h->stream);
        h->stream = q.pieces;
        q.pieces = (struct hold_pieces){0};
    }
    hold_pieces_free(&q.pieces);
    free(q.asked);
    free(q.hash);
    return rc < 0 ? -1 : 0;
}

static int answer_whole(struct assembly_body *body, struct hold_word *wish, struct error *err)
{
    *wish = (struct hold_word){.kind = HOLD_WHOLE, .size = assembly_get(body)};
    return !body->bad && wish->size && wish->size <= INT64_MAX && !body->len
               ? 0
               : hold_link_bad(err, "the size of the archive does not fit");
}

static int answer_go(struct hold *h, const struct assembly_body *body, struct hold_word *wish,
                     struct error *err)
{
    *wish = (struct hold_word){.kind = HOLD_GO, .size = h->size};
    return answer_is_listed(h) && !body->len ? 0 : hold_link_bad(err, "go without a list");
}

int hold_answer(struct hold *h, struct hold_word *wish, struct error *err)
{
    struct assembly_record record;
    int rc = 0;

    while (!rc && !(rc = hold_link_await(&h->link, &record, err))) {
        switch (record.type) {
        case ASSEMBLY_LIST:
            rc = answer_list(h, &record.body, err);
            break;
        case ASSEMBLY_BASE:
            rc = answer_base(h, &record.body, err);
            break;
        case ASSEMBLY_CHUNKS:
        case ASSEMBLY_FINE:
            rc = answer_chunks(h, &record, err);
            break;
        case ASSEMBLY_GO:
            return answer_go(h, &record.body, wish, err);
        case ASSEMBLY_WHOLE:
            return answer_whole(&record.body, wish, err);
        case ASSEMBLY_END:
            *wish = (struct hold_word){.kind = HOLD_NONE};
            return record.body.len ? hold_link_bad(err, "an end that does not fit") : 0;
        default:
            return hold_link_bad(err, "a record that nobody expects");
        }
    }
    return rc;
}
