/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/hold/hold_frame.h"

#include "base/memory.h"
#include "engine/chunks/chunk_diff.h"

#include <stdlib.h>
#include <string.h>

/* A prefix, a length, and a frame. */
#define FRAME_LEAST 3u

enum { FRAME_STEPS, FRAME_CHANGES, FRAME_LITERALS };

void hold_frames_open(struct hold_frames *f, struct hold *h)
{
    *f = (struct hold_frames){.h = h,
                              .unpacker = chunk_unpacker_new(),
                              .out = memory_new(ASSEMBLY_FRAME_BASE_MAX, 1),
                              .window = memory_new(ASSEMBLY_WINDOW_MAX, 1)};
    for (int i = 0; i < 3; i++)
        f->scratch[i] = memory_new(ASSEMBLY_FRAME_BASE_MAX, 1);
}

void hold_frames_close(struct hold_frames *f)
{
    chunk_unpacker_free(f->unpacker);
    buffer_free(&f->waiting);
    free(f->out);
    free(f->window);
    for (int i = 0; i < 3; i++)
        free(f->scratch[i]);
}

static int frame_bad(struct error *err)
{
    return hold_link_bad(err, "a frame does not fit");
}

int hold_frames_put(struct hold_frames *f, const struct assembly_record *record, struct error *err)
{
    size_t len = record->body.len;

    /* Shorter ones stand for nothing, and would cost no credit. */
    if (len < FRAME_LEAST)
        return frame_bad(err);
    if (f->owed && f->owed + len > ASSEMBLY_CREDIT)
        return hold_link_bad(err, "more frames than were granted");
    if (f->waiting_at) {
        buffer_drop(&f->waiting, f->waiting_at);
        f->waiting_at = 0;
    }
    size_t place = assembly_begin(&f->waiting, record->type);
    buffer_add(&f->waiting, record->body.bytes, len);
    assembly_end(&f->waiting, place);
    f->owed += len;
    return 0;
}

bool hold_frames_are_used_up(const struct hold_frames *f)
{
    return f->out_at == f->out_len && f->waiting_at == f->waiting.len;
}

/* A frame: prefix, raw length, zstd. The prefix is the end of the frame before. */
static int frame_read_plain(struct hold_frames *f, struct assembly_body *body, struct error *err)
{
    uint64_t prefix = assembly_get(body), len = assembly_get(body);

    if (body->bad || prefix > f->out_len || prefix > ASSEMBLY_WINDOW_MAX || !len ||
        len > ASSEMBLY_FRAME_MAX)
        return frame_bad(err);
    memcpy(f->window, f->out + f->out_len - prefix, (size_t)prefix);
    if (!chunk_unpack(f->unpacker, (struct chunk_bytes){body->bytes, body->len},
                      (struct chunk_bytes){f->window, (size_t)prefix}, f->out, (size_t)len))
        return frame_bad(err);
    f->out_len = (size_t)len;
    return 0;
}

/* One of the three streams of a frame with a base. If it was packed with a part of the base that
 * has changed since, its bytes are wrong; how many there are is known all the same. */
static bool frame_read_stream(struct hold_frames *f, struct assembly_body *body,
                              struct chunk_bytes window, int stream, size_t *len)
{
    uint64_t raw = assembly_get(body), packed = assembly_get(body);
    const uint8_t *bytes = assembly_get_bytes(body, packed);

    if (!bytes || raw > ASSEMBLY_FRAME_BASE_MAX)
        return false;
    *len = (size_t)raw;
    if (!raw)
        return !packed;
    if (chunk_unpack(f->unpacker, (struct chunk_bytes){bytes, (size_t)packed}, window,
                     f->scratch[stream], *len))
        return true;
    memset(f->scratch[stream], 0, *len);
    return window.len != 0;
}

/* Puts a frame's bytes together from its three streams. */
static bool frame_follow_steps(struct hold_frames *f, const size_t len[3])
{
    const struct hold *h = f->h;
    const uint8_t *changes = f->scratch[FRAME_CHANGES], *literals = f->scratch[FRAME_LITERALS];
    struct assembly_body steps = {.bytes = f->scratch[FRAME_STEPS], .len = len[FRAME_STEPS]};
    size_t at = 0, changes_left = len[FRAME_CHANGES], literals_left = len[FRAME_LITERALS];
    struct chunk_step step;
    int64_t place = 0;

    while (chunk_step_next(&steps, &step)) {
        size_t room = f->out_len - at;
        if (__builtin_add_overflow(place, step.move, &place) || step.copy > room ||
            step.literals > room - step.copy || step.copy > changes_left ||
            step.literals > literals_left || (step.copy && place < 0))
            return false;
        if (step.copy && !hold_pieces_read(&h->base[0], &h->sources, (uint64_t)place, f->out + at,
                                           (size_t)step.copy))
            return false;
        for (size_t i = 0; i < step.copy; i++)
            f->out[at + i] = (uint8_t)(f->out[at + i] + changes[i]);
        at += (size_t)step.copy;
        place += (int64_t)step.copy;
        memcpy(f->out + at, literals, (size_t)step.literals);
        at += (size_t)step.literals;
        changes += step.copy;
        changes_left -= (size_t)step.copy;
        literals += step.literals;
        literals_left -= (size_t)step.literals;
    }
    return !steps.bad && at == f->out_len;
}

static int frame_read_base(struct hold_frames *f, struct assembly_body *body, struct error *err)
{
    const struct hold *h = f->h;
    uint64_t len = assembly_get(body), at = assembly_get(body), window = assembly_get(body);
    size_t streams[3];

    if (body->bad || !h->bases || !len || len > ASSEMBLY_FRAME_BASE_MAX ||
        window > ASSEMBLY_WINDOW_MAX)
        return frame_bad(err);
    if (window && !hold_pieces_read(&h->base[0], &h->sources, at, f->window, (size_t)window))
        return frame_bad(err);
    const struct chunk_bytes none = {0}, prefix = {f->window, (size_t)window};
    f->out_len = (size_t)len;
    return frame_read_stream(f, body, none, FRAME_STEPS, &streams[FRAME_STEPS]) &&
                   frame_read_stream(f, body, none, FRAME_CHANGES, &streams[FRAME_CHANGES]) &&
                   frame_read_stream(f, body, prefix, FRAME_LITERALS, &streams[FRAME_LITERALS]) &&
                   !body->len && frame_follow_steps(f, streams)
               ? 0
               : frame_bad(err);
}

/* Unpacks the next frame that has come: 1, 0 if there is none, -1 with the error set. */
static int frame_next(struct hold_frames *f, struct error *err)
{
    struct assembly_record record;

    if (assembly_next(buffer_text(&f->waiting) + f->waiting_at, f->waiting.len - f->waiting_at,
                      &record) <= 0)
        return 0;
    size_t len = record.body.len;
    if (record.type == ASSEMBLY_FRAME ? frame_read_plain(f, &record.body, err)
                                      : frame_read_base(f, &record.body, err))
        return -1;
    f->waiting_at += ASSEMBLY_HEAD + len;
    f->owed -= len;
    f->out_at = 0;
    assembly_add_number(&f->h->link.queue, ASSEMBLY_GRANT, len);
    return 1;
}

ssize_t hold_frames_take(struct hold_frames *f, uint8_t *to, size_t len, struct error *err)
{
    if (f->out_at == f->out_len) {
        int found = f->waiting.len ? frame_next(f, err) : 0;
        if (found <= 0)
            return found;
    }
    size_t n = f->out_len - f->out_at < len ? f->out_len - f->out_at : len;
    memcpy(to, f->out + f->out_at, n);
    f->out_at += n;
    return (ssize_t)n;
}

bool hold_frames_unpack(struct hold_frames *f, struct chunk_bytes frame, uint8_t *to, size_t len)
{
    return chunk_unpack(f->unpacker, frame, (struct chunk_bytes){0}, to, len);
}
