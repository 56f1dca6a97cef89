/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/delta/vcdiff.h"

#include "base/bytes.h"
#include "base/memory.h"
#include "engine/delta/vcdiff_code.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

/* Hdr_Indicator, RFC 3284, 4.1; the application header is xdelta3's. */
#define HEADER_SECONDARY 0x01u
#define HEADER_TABLE 0x02u
#define HEADER_APPLICATION 0x04u
/* Win_Indicator, 4.2; the checksum is xdelta3's. */
#define WINDOW_SOURCE 0x01u
#define WINDOW_TARGET 0x02u
#define WINDOW_ADLER32 0x04u
#define APPLICATION_MAX (1u << 20)
/* Sections are hardly larger than the target they produce; the rest is room for instructions. */
#define SECTIONS_MAX (VCDIFF_WINDOW_MAX + (1u << 20))
/* Copies that are collected at a time, so that their source is read in ascending order. */
#define COPIES_MAX 16384u
#define COPY_PIECE 65536u

struct vcdiff_copy {
    uint64_t from; /* in the source */
    uint32_t to, len;
};

struct vcdiff {
    struct source patch;
    struct delta_source *source;
    uint64_t left; /* bytes that may still be added to the target */
    bool started;
    uint8_t *sections, *target; /* of the current window */
    size_t sections_room, target_room;
    uint32_t target_size, given;
    uint64_t segment_at; /* of the source segment in the source */
    struct vcdiff_cursor cursor;
    struct vcdiff_copy *copies;
    size_t copy_count;
    uint8_t *piece;
};

struct vcdiff *vcdiff_new(struct source patch, struct delta_source *source, uint64_t expected)
{
    struct vcdiff *d = memory_new(1, sizeof *d);

    d->patch = patch;
    d->source = source;
    d->left = expected;
    d->copies = memory_new(COPIES_MAX, sizeof *d->copies);
    d->piece = memory_new(COPY_PIECE, 1);
    return d;
}

void vcdiff_free(struct vcdiff *d)
{
    if (!d)
        return;
    free(d->sections);
    free(d->target);
    free(d->copies);
    free(d->piece);
    free(d);
}

static int vcdiff_need(struct vcdiff *d, void *buf, size_t len, struct error *err)
{
    ssize_t n = source_read_full(&d->patch, buf, len, err);

    return n < 0 ? -1 : (size_t)n < len ? vcdiff_damaged(err) : 0;
}

/* Reads an integer directly from the patch. */
static int vcdiff_get(struct vcdiff *d, uint64_t max, uint64_t *value, struct error *err)
{
    uint8_t bytes[10];

    for (size_t n = 0; n < sizeof bytes; n++) {
        if (vcdiff_need(d, bytes + n, 1, err))
            return -1;
        if (bytes[n] & 0x80)
            continue;
        struct vcdiff_section s = {.at = bytes, .end = bytes + n + 1};
        return vcdiff_code_integer(&s, value) || *value > max ? vcdiff_damaged(err) : 0;
    }
    return vcdiff_damaged(err);
}

static int vcdiff_header(struct vcdiff *d, struct error *err)
{
    uint8_t head[5];
    uint64_t size;

    if (vcdiff_need(d, head, sizeof head, err))
        return -1;
    if (memcmp(head, "\xd6\xc3\xc4\0", 4))
        return error_set(err, EXIT_MISMATCH,
                         "the archive's entry is neither the file nor a delta (xdelta3 patch)");
    if (head[4] & (HEADER_SECONDARY | HEADER_TABLE))
        return error_set(err, EXIT_MISMATCH,
                         "the delta uses secondary compression or a custom code table; create it "
                         "with xdelta3 -S none");
    if (!(head[4] & HEADER_APPLICATION))
        return 0;
    if (vcdiff_get(d, APPLICATION_MAX, &size, err))
        return -1;
    while (size) {
        uint8_t skipped[256];
        size_t n = size < sizeof skipped ? (size_t)size : sizeof skipped;
        if (vcdiff_need(d, skipped, n, err))
            return -1;
        size -= n;
    }
    return 0;
}

static void vcdiff_room(uint8_t **memory, size_t *room, size_t wanted)
{
    if (*memory && wanted <= *room)
        return;
    free(*memory);
    *memory = memory_new(wanted + 1, 1);
    *room = wanted;
}

/* Reads the sections of a window and places the cursor before its first instruction. */
static int vcdiff_sections(struct vcdiff *d, const uint64_t sizes[3], struct error *err)
{
    uint64_t total = sizes[0] + sizes[1] + sizes[2];

    if (total > SECTIONS_MAX)
        return vcdiff_damaged(err);
    vcdiff_room(&d->sections, &d->sections_room, (size_t)total);
    vcdiff_room(&d->target, &d->target_room, d->target_size);
    if (total && vcdiff_need(d, d->sections, (size_t)total, err))
        return -1;
    const uint8_t *data = d->sections, *code = data + sizes[0], *address = code + sizes[1];
    d->cursor.data = (struct vcdiff_section){data, code};
    d->cursor.code = (struct vcdiff_section){code, address};
    d->cursor.address = (struct vcdiff_section){address, address + sizes[2]};
    return 0;
}

/* A copy may start in the source segment and end in the target: the length of its part in the
 * source. */
static uint32_t vcdiff_source_part(const struct vcdiff_cursor *c,
                                   const struct vcdiff_instruction *i)
{
    if (i->kind != VCDIFF_COPY || i->address >= c->source_size)
        return 0;
    uint64_t there = c->source_size - i->address;
    return there < i->size ? (uint32_t)there : i->size;
}

static int vcdiff_compare(const void *a, const void *b)
{
    const struct vcdiff_copy *x = a, *y = b;

    return (x->from > y->from) - (x->from < y->from);
}

/* Looks ahead and collects the next copies from the source. */
static int vcdiff_gather(struct vcdiff *d, struct error *err)
{
    struct vcdiff_cursor ahead = d->cursor;
    struct vcdiff_instruction i;
    int more = 1;

    d->copy_count = 0;
    while (d->copy_count < COPIES_MAX && (more = vcdiff_code_next(&ahead, &i, err)) > 0) {
        uint32_t len = vcdiff_source_part(&ahead, &i);
        if (len)
            d->copies[d->copy_count++] = (struct vcdiff_copy){
                .from = d->segment_at + i.address, .to = ahead.target_at - i.size, .len = len};
    }
    if (more < 0)
        return -1;
    qsort(d->copies, d->copy_count, sizeof *d->copies, vcdiff_compare);
    return 0;
}

/* Distributes the bytes just read, [at, at + len), to those copies from first on that need them. */
static void vcdiff_scatter(struct vcdiff *d, size_t first, uint64_t at, size_t len)
{
    for (size_t i = first; i < d->copy_count && d->copies[i].from < at + len; i++) {
        const struct vcdiff_copy *c = &d->copies[i];
        uint64_t from = c->from > at ? c->from : at;
        uint64_t end = c->from + c->len < at + len ? c->from + c->len : at + len;
        if (from < end)
            memcpy(d->target + c->to + (from - c->from), d->piece + (from - at),
                   (size_t)(end - from));
    }
}

/* Copies that touch or share a block are read together. */
static int vcdiff_fetch(struct vcdiff *d, struct error *err)
{
    for (size_t first = 0; first < d->copy_count;) {
        uint64_t at = d->copies[first].from, end = at;
        size_t next = first;
        while (next < d->copy_count && d->copies[next].from <= end + BLOCK_SIZE) {
            uint64_t its_end = d->copies[next].from + d->copies[next].len;
            end = its_end > end ? its_end : end;
            next++;
        }
        while (at < end) {
            /* Split between blocks, so that none is read twice. */
            size_t most = COPY_PIECE - at % BLOCK_SIZE;
            size_t n = end - at < most ? (size_t)(end - at) : most;
            if (delta_source_read(d->source, at, d->piece, n, err))
                return -1;
            vcdiff_scatter(d, first, at, n);
            at += n;
            while (first < next && d->copies[first].from + d->copies[first].len <= at)
                first++;
        }
        first = next;
    }
    return 0;
}

/* Runs the instructions whose source has been fetched. */
static int vcdiff_execute(struct vcdiff *d, struct error *err)
{
    struct vcdiff_cursor *c = &d->cursor;
    struct vcdiff_instruction i;
    size_t copies = 0;
    int more = 1;

    while (copies < COPIES_MAX && (more = vcdiff_code_next(c, &i, err)) > 0) {
        uint8_t *to = d->target + (c->target_at - i.size);
        uint32_t done = vcdiff_source_part(c, &i);
        copies += done > 0;
        if (i.kind == VCDIFF_ADD) {
            memcpy(to, i.data, i.size);
        } else if (i.kind == VCDIFF_RUN) {
            memset(to, *i.data, i.size);
        } else if (done < i.size) {
            /* Byte by byte: a copy may overlap its own output, and so repeat it. */
            const uint8_t *from = d->target + (i.address + done - c->source_size);
            for (uint32_t k = done; k < i.size; k++)
                to[k] = *from++;
        }
    }
    return more;
}

/* Without the source only what the instructions say can be checked. */
static bool vcdiff_is_blind(const struct vcdiff *d)
{
    return !d->source && d->cursor.source_size;
}

static int vcdiff_decode(struct vcdiff *d, struct error *err)
{
    struct vcdiff_instruction skipped;
    int more;

    do {
        if (vcdiff_is_blind(d)) {
            more = vcdiff_code_next(&d->cursor, &skipped, err);
        } else {
            if (vcdiff_gather(d, err) || vcdiff_fetch(d, err))
                return -1;
            more = vcdiff_execute(d, err);
        }
    } while (more > 0);
    if (more < 0)
        return -1;
    return d->cursor.target_at == d->target_size ? 0 : vcdiff_damaged(err);
}

/* Reads what segment the window copies from (RFC 3284, 4.2). */
static int vcdiff_segment(struct vcdiff *d, uint8_t indicator, struct error *err)
{
    d->cursor = (struct vcdiff_cursor){.second = -1};
    d->segment_at = 0;
    if (indicator & WINDOW_TARGET || indicator & ~(WINDOW_SOURCE | WINDOW_ADLER32))
        return error_set(err, EXIT_MISMATCH,
                         "the delta uses an unsupported type of window; create it with xdelta3");
    if (!(indicator & WINDOW_SOURCE))
        return 0;
    return vcdiff_get(d, INT64_MAX, &d->cursor.source_size, err) ||
                   vcdiff_get(d, INT64_MAX - d->cursor.source_size, &d->segment_at, err)
               ? -1
               : 0;
}

/* 1 with a decoded window, 0 at the end of the patch, -1. */
static int vcdiff_window(struct vcdiff *d, struct error *err)
{
    uint64_t length, target, sizes[3];
    uint8_t indicator, compressed, sum[4];
    ssize_t n = source_read_full(&d->patch, &indicator, 1, err);

    if (n <= 0)
        return n < 0 ? -1 : 0;
    if (vcdiff_segment(d, indicator, err) || vcdiff_get(d, INT64_MAX, &length, err) ||
        vcdiff_get(d, VCDIFF_WINDOW_MAX, &target, err) || vcdiff_need(d, &compressed, 1, err))
        return -1;
    if (compressed || target > d->left)
        return vcdiff_damaged(err);
    for (int i = 0; i < 3; i++)
        if (vcdiff_get(d, SECTIONS_MAX, &sizes[i], err))
            return -1;
    if (indicator & WINDOW_ADLER32 && vcdiff_need(d, sum, sizeof sum, err))
        return -1;
    d->target_size = d->cursor.target_size = (uint32_t)target;
    d->given = 0;
    d->left -= target;
    if (vcdiff_sections(d, sizes, err) || vcdiff_decode(d, err))
        return -1;
    if (indicator & WINDOW_ADLER32 && !vcdiff_is_blind(d) &&
        bytes_be32(sum) != adler32(1, d->target, (uInt)d->target_size))
        return error_set(err, EXIT_MISMATCH,
                         "the delta does not fit what is on the device: it was made from another "
                         "firmware");
    return 1;
}

ssize_t vcdiff_read(struct vcdiff *d, void *buf, size_t size, struct error *err)
{
    if (!d->started && vcdiff_header(d, err))
        return -1;
    d->started = true;
    while (d->given == d->target_size) {
        int more = vcdiff_window(d, err);
        if (more <= 0)
            return more;
    }
    size_t left = d->target_size - d->given;
    size_t n = left < size ? left : size;
    memcpy(buf, d->target + d->given, n);
    d->given += (uint32_t)n;
    return (ssize_t)n;
}

int vcdiff_check(struct source patch, uint64_t expected, struct error *err)
{
    struct vcdiff *d = vcdiff_new(patch, NULL, expected);
    int more = vcdiff_header(d, err) ? -1 : 1;

    while (more > 0)
        more = vcdiff_window(d, err);
    if (!more && d->left)
        more = error_set(err, EXIT_MISMATCH,
                         "the delta makes %" PRIu64 " bytes, but should make %" PRIu64,
                         expected - d->left, expected);
    vcdiff_free(d);
    return more;
}
