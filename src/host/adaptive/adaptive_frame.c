/* SPDX-License-Identifier: Apache-2.0 */
#include "host/adaptive/adaptive_frame.h"

#include "wire/assembly.h"

/* zstd's levels: the more there is, the less time for each byte. */
#define FRAME_BEST 19
#define FRAME_BEST_UP_TO (4u << 20)
#define FRAME_GOOD 17
#define FRAME_GOOD_UP_TO (24u << 20)
#define FRAME_FAST 9
#define FRAME_CHANGES_BEST_UP_TO (16u << 20)
#define FRAME_CHANGES_FAST 12
#define FRAME_CHANGES_SMALL (64u << 10)
/* Of what does not compress in one frame: two are on the way at a time, so that the link has no
 * pause between them. */
#define FRAME_DENSE_MAX (ASSEMBLY_CREDIT / 2 - (16u << 10))
/* One that shrinks to such a part is like the base. */
#define FRAME_LIKE_BASE 4
/* Gaps that are farther apart do not share a frame. */
#define FRAME_APART (1u << 20)
/* Literals are packed with a part of the base before them, around the copies. */
#define FRAME_AROUND (64u << 10)
#define FRAME_LITERALS_FROM 256u

void adaptive_frames_open(struct adaptive_frames *f)
{
    uint64_t bytes = f->gaps->bytes;

    f->level = bytes <= FRAME_BEST_UP_TO   ? FRAME_BEST
               : bytes <= FRAME_GOOD_UP_TO ? FRAME_GOOD
                                           : FRAME_FAST;
    f->change_level = bytes <= FRAME_CHANGES_BEST_UP_TO ? FRAME_BEST : FRAME_CHANGES_FAST;
}

void adaptive_frames_close(struct adaptive_frames *f)
{
    buffer_free(&f->raw);
    buffer_free(&f->last);
}

/* Collects the bytes of the next frame, at most max. With a base, a gap is not divided for the sake
 * of what is left of a frame: each part would refer to a part of the base. */
static void frame_collect(struct adaptive_frames *f, uint64_t max)
{
    uint64_t end = 0;

    buffer_clear(&f->raw);
    while (f->gap < f->gaps->count && f->raw.len < max) {
        const struct gap *g = &f->gaps->item[f->gap];
        if (f->base->used && f->raw.len &&
            (g->at + f->skip - end > FRAME_APART || g->len > max - f->raw.len))
            break;
        uint64_t left = g->len - f->skip, room = max - f->raw.len, n = left < room ? left : room;
        buffer_add(&f->raw, f->firmware->stored.bytes + g->at + f->skip, (size_t)n);
        end = g->at + f->skip + n;
        f->place = end;
        f->skip = n < left ? f->skip + n : 0;
        f->gap += n == left;
    }
}

static struct chunk_bytes frame_bytes(const struct buffer *b)
{
    return (struct chunk_bytes){(const uint8_t *)b->data, b->len};
}

static void frame_print_plain(struct adaptive_frames *f, struct buffer *out)
{
    size_t place = assembly_begin(out, ASSEMBLY_FRAME);

    assembly_put(out, f->last.len);
    assembly_put(out, f->raw.len);
    chunk_pack(f->packer, frame_bytes(&f->raw), frame_bytes(&f->last), f->level, out);
    assembly_end(out, place);
    struct buffer used = f->last;
    f->last = f->raw;
    f->raw = used;
}

static void frame_print_stream(struct adaptive_frames *f, const struct buffer *stream,
                               struct chunk_bytes prefix, int level, struct buffer *out)
{
    struct buffer frame = {0};

    if (stream->len)
        chunk_pack(f->packer, frame_bytes(stream), prefix, level, &frame);
    assembly_put(out, stream->len);
    assembly_put(out, frame.len);
    buffer_add(out, frame.data, frame.len);
    buffer_free(&frame);
}

/* The part of the base that the literals of these steps may refer to. */
static struct chunk_bytes frame_window(const struct adaptive_frames *f, const struct chunk_steps *s)
{
    const struct stored_stream *base = &f->base->stream.stored;

    if (s->low > s->high || s->literals.len < FRAME_LITERALS_FROM)
        return (struct chunk_bytes){0};
    uint64_t from = s->low > FRAME_AROUND ? s->low - FRAME_AROUND : 0;
    uint64_t to = s->high + FRAME_AROUND < base->len ? s->high + FRAME_AROUND : base->len;
    if (to - from > ASSEMBLY_WINDOW_MAX) {
        from = s->first > ASSEMBLY_WINDOW_MAX / 4 ? s->first - ASSEMBLY_WINDOW_MAX / 4 : 0;
        to = from + ASSEMBLY_WINDOW_MAX < base->len ? from + ASSEMBLY_WINDOW_MAX : base->len;
    }
    return (struct chunk_bytes){base->bytes + from, (size_t)(to - from)};
}

/* By what the next gap begins with. */
static bool frame_is_dense(const struct adaptive_frames *f)
{
    const struct gap *g = &f->gaps->item[f->gap];

    return chunk_is_dense(f->packer,
                          (struct chunk_bytes){f->firmware->stored.bytes + g->at + f->skip,
                                               (size_t)(g->len - f->skip)});
}

static void frame_make_base(struct adaptive_frames *f, uint64_t max, struct buffer *out)
{
    const struct chunk_bytes none = {0};
    size_t place = assembly_begin(out, ASSEMBLY_FRAME_BASE);
    struct chunk_steps s;

    frame_collect(f, max);
    chunk_diff_make(f->base->diff, frame_bytes(&f->raw), &s);
    struct chunk_bytes window = frame_window(f, &s);
    assembly_put(out, f->raw.len);
    assembly_put(out, window.len ? (uint64_t)(window.bytes - f->base->stream.stored.bytes) : 0);
    assembly_put(out, window.len);
    frame_print_stream(f, &s.steps, none, FRAME_BEST, out);
    frame_print_stream(f, &s.changes, none,
                       s.changes.len > FRAME_CHANGES_SMALL ? f->change_level : FRAME_BEST, out);
    frame_print_stream(f, &s.literals, window, FRAME_BEST, out);
    chunk_steps_free(&s);
    assembly_end(out, place);
}

/* What does not compress by itself may still be like the base, as the first frame of it shows:
 * then it costs less in one piece. */
static void frame_print_base(struct adaptive_frames *f, struct buffer *out)
{
    bool dense = frame_is_dense(f);
    size_t gap = f->gap, place = out->len;
    uint64_t skip = f->skip;

    frame_make_base(f, dense ? FRAME_DENSE_MAX : ASSEMBLY_FRAME_BASE_MAX, out);
    if (!dense || out->len - place > FRAME_DENSE_MAX / FRAME_LIKE_BASE)
        return;
    out->len = place;
    f->gap = gap;
    f->skip = skip;
    frame_make_base(f, ASSEMBLY_FRAME_BASE_MAX, out);
}

bool adaptive_frames_next(struct adaptive_frames *f, struct buffer *out)
{
    if (f->gap == f->gaps->count)
        return false;
    if (f->base->used) {
        frame_print_base(f, out);
    } else {
        frame_collect(f, frame_is_dense(f) ? FRAME_DENSE_MAX : ASSEMBLY_FRAME_MAX);
        frame_print_plain(f, out);
    }
    return true;
}

bool adaptive_frames_fill(struct adaptive_frames *f, uint64_t group, struct buffer *out)
{
    const struct chunk_list *groups = &f->firmware->tree.groups;

    if (group >= groups->count)
        return false;
    const struct chunk *g = &groups->item[group];
    size_t place = assembly_begin(out, ASSEMBLY_FILL);
    assembly_put(out, group);
    assembly_put(out, g->len);
    chunk_pack(f->packer, (struct chunk_bytes){f->firmware->stored.bytes + g->at, g->len},
               (struct chunk_bytes){0}, FRAME_FAST, out);
    assembly_end(out, place);
    return true;
}
