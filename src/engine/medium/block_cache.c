/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/medium/block_cache.h"

#include "base/memory.h"
#include "engine/medium/switch_list.h"

#include <stdlib.h>
#include <string.h>

#define BLOCKS (SEGMENT_SIZE / BLOCK_SIZE)
#define PAGE 4096u
#define BLOCKS_PER_PAGE (PAGE / BLOCK_SIZE)
/* block-cache-size-mb of an archive is ignored: deltas bypass the cache. */
#define SEGMENTS 24
/* Adjacent segments that are written together: 1 MiB. */
#define RUN_SEGMENTS 8
/* Trimmed segments are remembered for the first 64 GiB, as in fwup. */
#define TRIM_SEGMENTS (64ull << 30 >> 17)

struct segment {
    uint64_t index; /* offset / SEGMENT_SIZE */
    uint64_t used;  /* time of last use, by clock */
    bool streamed;  /* all writes so far were */
    unsigned dirty_count;
    uint8_t valid[BLOCKS / 8], dirty[BLOCKS / 8];
    uint8_t *data; /* SEGMENT_SIZE, aligned to a page */
};

struct block_cache {
    struct medium *medium;
    struct block_cache_options options;
    size_t count;
    struct segment segment[SEGMENTS];
    uint64_t clock;
    uint64_t extend_to; /* an image extends to the end of the last segment written */
    bool failed;        /* a write failed: nothing more is written */
    bool finishing;     /* order matters now: segments are written one by one */
    bool unflushed;     /* something was written since the last flush */
    bool last_is_switch;
    struct switch_list switches;
    bool unsure;
    struct error spare_failed, read_failed; /* reported on request; "" if none */
    uint8_t *trimmed;                       /* one bit per segment; NULL until the first trim */
    uint8_t *scratch;                       /* RUN_SEGMENTS segments, aligned to a page */
};

static bool bit_get(const uint8_t *bits, uint64_t i)
{
    return bits[i / 8] >> (i % 8) & 1;
}

static void bit_set(uint8_t *bits, uint64_t i)
{
    bits[i / 8] |= (uint8_t)(1 << (i % 8));
}

static void bit_clear(uint8_t *bits, uint64_t i)
{
    bits[i / 8] &= (uint8_t) ~(1 << (i % 8));
}

static uint8_t *block_cache_pages(size_t segments)
{
    void *p;

    if (posix_memalign(&p, PAGE, segments * SEGMENT_SIZE))
        abort();
    return p;
}

struct block_cache *block_cache_new(struct medium *medium,
                                    const struct block_cache_options *options)
{
    struct block_cache *c = memory_new(1, sizeof *c);

    c->medium = medium;
    c->options = *options;
    c->scratch = block_cache_pages(RUN_SEGMENTS);
    return c;
}

void block_cache_free(struct block_cache *c)
{
    if (!c)
        return;
    block_cache_drop(c);
    free(c->trimmed);
    free(c->scratch);
    free(c);
}

/* Discards all segments: data not written yet, and copies that may not match the medium. */
static void block_cache_forget(struct block_cache *c)
{
    for (size_t i = 0; i < c->count; i++)
        free(c->segment[i].data);
    c->count = 0;
}

void block_cache_drop(struct block_cache *c)
{
    block_cache_forget(c);
    switch_list_clear(&c->switches);
}

static int block_cache_read_medium(struct block_cache *c, uint64_t offset, void *buf, size_t len,
                                   struct error *err)
{
    if (!c->medium->read(c->medium, offset, buf, len, err))
        return 0;
    c->read_failed = *err;
    return -1;
}

static bool block_cache_is_trimmed(const struct block_cache *c, uint64_t index)
{
    return c->trimmed && index < TRIM_SEGMENTS && bit_get(c->trimmed, index);
}

/* How much of a segment exists: all of it, except at the hard end of the medium. */
static size_t block_cache_length(const struct block_cache *c, uint64_t index)
{
    uint64_t start = index * SEGMENT_SIZE;

    if (c->medium->hard_end <= start)
        return 0;
    uint64_t left = c->medium->hard_end - start;
    return left < SEGMENT_SIZE ? (size_t)(left / BLOCK_SIZE * BLOCK_SIZE) : SEGMENT_SIZE;
}

static size_t block_cache_total(const struct iovec *pieces, int count)
{
    size_t len = 0;

    for (int i = 0; i < count; i++)
        len += pieces[i].iov_len;
    return len;
}

/* Compares the pieces with the medium: 1 if it is the same, 0 if not, -1. */
static int block_cache_compare(struct block_cache *c, uint64_t offset, const struct iovec *pieces,
                               int count, struct error *err)
{
    const uint8_t *there = c->scratch;

    if (block_cache_read_medium(c, offset, c->scratch, block_cache_total(pieces, count), err))
        return -1;
    for (int i = 0; i < count; i++) {
        if (memcmp(there, pieces[i].iov_base, pieces[i].iov_len))
            return 0;
        there += pieces[i].iov_len;
    }
    return 1;
}

/* Writes contiguous pieces to the medium, RUN_SEGMENTS segments at most. */
static int block_cache_put(struct block_cache *c, uint64_t offset, const struct iovec *pieces,
                           int count, struct error *err)
{
    if (c->options.minimize) {
        int same = block_cache_compare(c, offset, pieces, count, err);
        if (same)
            return same < 0 ? -1 : 0;
    }
    c->unflushed = true;
    if (c->medium->write(c->medium, offset, pieces, count, err))
        return -1;
    if (!c->options.verify)
        return 0;
    int same = block_cache_compare(c, offset, pieces, count, err);
    if (same < 0)
        return -1;
    return same ? 0
                : error_set(err, EXIT_FAILED, "write verification failed at offset %llu",
                            (unsigned long long)offset);
}

/* Blocks of a page that the segment lacks are read just before the page is written: filler of at
 * most 4 KiB. */
static int block_cache_fill_page(struct block_cache *c, struct segment *s, size_t page, size_t len,
                                 struct error *err)
{
    size_t first = page * BLOCKS_PER_PAGE, count = len / BLOCK_SIZE;
    bool whole = true;

    for (size_t i = first; i < first + count; i++)
        whole = whole && bit_get(s->dirty, i);
    if (whole)
        return 0;
    if (block_cache_read_medium(c, s->index * SEGMENT_SIZE + page * PAGE, c->scratch, len, err))
        return -1;
    for (size_t i = first; i < first + count; i++)
        if (!bit_get(s->dirty, i))
            memcpy(s->data + i * BLOCK_SIZE, c->scratch + (i - first) * BLOCK_SIZE, BLOCK_SIZE);
    return 0;
}

static bool block_cache_page_is_dirty(const struct segment *s, size_t page)
{
    return s->dirty[page] != 0;
}

/* A trimmed segment reads as zeros, so once part of it is written, the zeros must be, too. */
static void block_cache_zero_rest(struct segment *s, size_t end)
{
    for (size_t i = 0; i < end / BLOCK_SIZE; i++) {
        if (bit_get(s->dirty, i))
            continue;
        memset(s->data + i * BLOCK_SIZE, 0, BLOCK_SIZE);
        bit_set(s->dirty, i);
        bit_set(s->valid, i);
        s->dirty_count++;
    }
}

/* Writes the dirty pages of a segment in runs. */
static int block_cache_put_pages(struct block_cache *c, struct segment *s, struct error *err)
{
    size_t end = block_cache_length(c, s->index);

    if (block_cache_is_trimmed(c, s->index))
        block_cache_zero_rest(s, end);
    for (size_t page = 0; page * PAGE < end;) {
        size_t start = page * PAGE;
        for (; page * PAGE < end && block_cache_page_is_dirty(s, page); page++) {
            size_t len = end - page * PAGE < PAGE ? end - page * PAGE : PAGE;
            if (block_cache_fill_page(c, s, page, len, err))
                return -1;
        }
        size_t stop = page * PAGE < end ? page * PAGE : end;
        struct iovec piece = {.iov_base = s->data + start, .iov_len = stop - start};
        if (stop > start && block_cache_put(c, s->index * SEGMENT_SIZE + start, &piece, 1, err))
            return -1;
        if (stop == start)
            page++;
    }
    return 0;
}

static struct segment *block_cache_find(struct block_cache *c, uint64_t index)
{
    for (size_t i = 0; i < c->count; i++)
        if (c->segment[i].index == index)
            return &c->segment[i];
    return NULL;
}

/* A segment that was written completely and in order, as a root file system is. */
static bool block_cache_is_stream(const struct segment *s)
{
    return s && s->streamed && s->dirty_count == BLOCKS;
}

/* Collects the segments around s that can be written in one go with it, in order. */
static int block_cache_gather(struct block_cache *c, struct segment *s,
                              struct segment *run[RUN_SEGMENTS])
{
    uint64_t first = s->index;
    int count = 0;

    if (c->finishing || !block_cache_is_stream(s)) {
        run[0] = s;
        return 1;
    }
    while (first > 0 && s->index - first < RUN_SEGMENTS - 1 &&
           block_cache_is_stream(block_cache_find(c, first - 1)))
        first--;
    for (; count < RUN_SEGMENTS; count++) {
        run[count] = block_cache_find(c, first + (uint64_t)count);
        if (!block_cache_is_stream(run[count]))
            break;
    }
    return count;
}

static void block_cache_written(struct block_cache *c, struct segment *s)
{
    bool was_stream = block_cache_is_stream(s);

    memset(s->dirty, 0, sizeof s->dirty);
    s->dirty_count = 0;
    s->streamed = true;
    if (was_stream)
        s->used = 0; /* not needed again */
    if (c->trimmed && s->index < TRIM_SEGMENTS)
        bit_clear(c->trimmed, s->index);
    uint64_t image_end = (s->index + 1) * SEGMENT_SIZE;
    if (image_end > c->extend_to)
        c->extend_to = image_end;
}

/* Writes a segment if it is dirty, and those that can go with it. */
static int block_cache_write_out(struct block_cache *c, struct segment *s, struct error *err)
{
    struct segment *run[RUN_SEGMENTS];
    struct iovec pieces[RUN_SEGMENTS] = {0};

    if (!s->dirty_count)
        return 0;
    if (c->failed)
        return error_set(err, EXIT_FAILED, "nothing more is written after a failed write");
    c->failed = true; /* until all of it has succeeded */
    int count = block_cache_gather(c, s, run);
    for (int i = 0; i < count; i++)
        pieces[i] = (struct iovec){.iov_base = run[i]->data, .iov_len = SEGMENT_SIZE};
    if (block_cache_is_stream(s)
            ? block_cache_put(c, run[0]->index * SEGMENT_SIZE, pieces, count, err)
            : block_cache_put_pages(c, s, err))
        return -1;
    c->failed = false;
    for (int i = 0; i < count; i++)
        block_cache_written(c, run[i]);
    return 0;
}

/* The segment with that index, replacing the least recently used one if needed. NULL if a write
 * failed. */
static struct segment *block_cache_get(struct block_cache *c, uint64_t index, struct error *err)
{
    struct segment *s = block_cache_find(c, index);

    if (s) {
        s->used = ++c->clock;
        return s;
    }
    for (size_t i = 0; i < c->count; i++)
        if (!s || c->segment[i].used < s->used)
            s = &c->segment[i];
    /* Rather reuse a segment whose stream was written than allocate: its memory is in the CPU
     * cache. */
    if (c->count < SEGMENTS && (!s || s->used)) {
        s = &c->segment[c->count++];
        *s = (struct segment){.data = block_cache_pages(1), .index = index, .streamed = true};
    } else {
        if (block_cache_write_out(c, s, err))
            return NULL;
        *s = (struct segment){.data = s->data, .index = index, .streamed = true};
    }
    s->used = ++c->clock;
    return s;
}

static int block_cache_check_end(const struct block_cache *c, uint64_t offset, uint64_t len,
                                 struct error *err)
{
    if (len <= c->medium->hard_end && offset <= c->medium->hard_end - len)
        return 0;
    return error_set(err, EXIT_MISMATCH,
                     "read/write failed at offset %llu since past end of media (%llu)",
                     (unsigned long long)offset, (unsigned long long)c->medium->hard_end);
}

/* Makes the blocks [first, last] of a segment valid. */
static int block_cache_load(struct block_cache *c, struct segment *s, size_t first, size_t last,
                            struct error *err)
{
    size_t len = block_cache_length(c, s->index);
    bool missing = false;

    for (size_t i = first; i <= last; i++)
        missing = missing || !bit_get(s->valid, i);
    if (!missing)
        return 0;
    if (block_cache_is_trimmed(c, s->index))
        memset(c->scratch, 0, len);
    else if (block_cache_read_medium(c, s->index * SEGMENT_SIZE, c->scratch, len, err))
        return -1;
    for (size_t i = 0; i < len / BLOCK_SIZE; i++)
        if (!bit_get(s->valid, i)) {
            memcpy(s->data + i * BLOCK_SIZE, c->scratch + i * BLOCK_SIZE, BLOCK_SIZE);
            bit_set(s->valid, i);
        }
    return 0;
}

int block_cache_read(struct block_cache *c, uint64_t offset, void *buf, size_t len,
                     struct error *err)
{
    uint8_t *out = buf;
    uint64_t start = offset;

    if (block_cache_check_end(c, offset, len, err))
        return -1;
    while (len) {
        size_t at = (size_t)(offset % SEGMENT_SIZE);
        size_t n = SEGMENT_SIZE - at < len ? SEGMENT_SIZE - at : len;
        struct segment *s = block_cache_get(c, offset / SEGMENT_SIZE, err);
        if (!s || block_cache_load(c, s, at / BLOCK_SIZE, (at + n - 1) / BLOCK_SIZE, err))
            return -1;
        memcpy(out, s->data + at, n);
        out += n;
        offset += n;
        len -= n;
    }
    switch_list_overlay(&c->switches, start, buf, (size_t)(offset - start));
    return 0;
}

/* Fills the scratch segment with the blocks [first, last] from the newest source: cache, trim,
 * medium. */
static int block_cache_peek(struct block_cache *c, uint64_t index, size_t first, size_t last,
                            struct error *err)
{
    const struct segment *s = block_cache_find(c, index);
    size_t unit = c->medium->block_size > BLOCK_SIZE ? c->medium->block_size / BLOCK_SIZE : 1;
    bool missing = false;

    for (size_t i = first; i <= last; i++)
        missing = missing || !s || !bit_get(s->valid, i);
    if (missing && block_cache_is_trimmed(c, index)) {
        memset(c->scratch + first * BLOCK_SIZE, 0, (last - first + 1) * BLOCK_SIZE);
    } else if (missing) {
        size_t from = first / unit * unit * BLOCK_SIZE;
        size_t to = (last / unit + 1) * unit * BLOCK_SIZE;
        size_t end = block_cache_length(c, index);
        to = to < end ? to : end;
        if (block_cache_read_medium(c, index * SEGMENT_SIZE + from, c->scratch + from, to - from,
                                    err))
            return -1;
    }
    for (size_t i = first; s && i <= last; i++)
        if (bit_get(s->valid, i))
            memcpy(c->scratch + i * BLOCK_SIZE, s->data + i * BLOCK_SIZE, BLOCK_SIZE);
    return 0;
}

int block_cache_read_exact(struct block_cache *c, uint64_t offset, void *buf, size_t len,
                           struct error *err)
{
    uint8_t *out = buf;
    uint64_t start = offset;

    if (block_cache_check_end(c, offset, len, err))
        return -1;
    while (len) {
        size_t at = (size_t)(offset % SEGMENT_SIZE);
        size_t n = SEGMENT_SIZE - at < len ? SEGMENT_SIZE - at : len;
        if (block_cache_peek(c, offset / SEGMENT_SIZE, at / BLOCK_SIZE, (at + n - 1) / BLOCK_SIZE,
                             err))
            return -1;
        memcpy(out, c->scratch + at, n);
        out += n;
        offset += n;
        len -= n;
    }
    switch_list_overlay(&c->switches, start, buf, (size_t)(offset - start));
    return 0;
}

static int block_cache_store(struct block_cache *c, uint64_t offset, const void *buf, size_t len,
                             bool streamed, struct error *err)
{
    const uint8_t *in = buf;

    while (len) {
        size_t at = (size_t)(offset % SEGMENT_SIZE);
        size_t n = SEGMENT_SIZE - at < len ? SEGMENT_SIZE - at : len;
        struct segment *s = block_cache_get(c, offset / SEGMENT_SIZE, err);
        if (!s)
            return -1;
        memcpy(s->data + at, in, n);
        for (size_t i = at / BLOCK_SIZE; i < (at + n) / BLOCK_SIZE; i++) {
            s->dirty_count += !bit_get(s->dirty, i);
            bit_set(s->dirty, i);
            bit_set(s->valid, i);
        }
        s->streamed = s->streamed && streamed;
        /* At a boundary of 1 MiB, the run that ends there is written; other runs wait. */
        if (block_cache_is_stream(s) && (s->index + 1) % RUN_SEGMENTS == 0 &&
            block_cache_write_out(c, s, err))
            return -1;
        in += n;
        offset += n;
        len -= n;
    }
    return 0;
}

int block_cache_write(struct block_cache *c, uint64_t offset, const void *buf, size_t len,
                      bool streamed, struct error *err)
{
    if (block_cache_check_end(c, offset, len, err))
        return -1;
    if (switch_list_overlaps(&c->switches, offset, len) && block_cache_sync(c, err))
        return -1;
    c->last_is_switch = false;
    if (c->options.written)
        extent_list_add(c->options.written, offset, len);
    return block_cache_store(c, offset, buf, len, streamed, err);
}

int block_cache_write_switch(struct block_cache *c, uint64_t group, uint64_t offset,
                             const void *buf, size_t len, struct error *err)
{
    if (block_cache_check_end(c, offset, len, err))
        return -1;
    bool fits = switch_list_fits(&c->switches, offset, len);
    if (!fits || !switch_list_put(&c->switches, group, offset, buf, len)) {
        /* Writing the earlier ones makes room. */
        if (block_cache_sync(c, err))
            return -1;
        switch_list_put(&c->switches, group, offset, buf, len);
    }
    c->last_is_switch = true;
    return 0;
}

int block_cache_trim(struct block_cache *c, uint64_t offset, uint64_t len, struct error *err)
{
    uint64_t end = len > UINT64_MAX - offset ? UINT64_MAX : offset + len;
    uint64_t first = offset / SEGMENT_SIZE + (offset % SEGMENT_SIZE != 0);
    uint64_t hard_end = c->medium->hard_end;
    uint64_t all = hard_end / SEGMENT_SIZE + (hard_end % SEGMENT_SIZE != 0);
    uint64_t last = end / SEGMENT_SIZE < all ? end / SEGMENT_SIZE : all;

    if (first >= last)
        return 0;
    uint64_t stop = last * SEGMENT_SIZE < hard_end ? last * SEGMENT_SIZE : hard_end;
    if (switch_list_overlaps(&c->switches, first * SEGMENT_SIZE, (last - first) * SEGMENT_SIZE) &&
        block_cache_sync(c, err))
        return -1;
    if (!c->trimmed)
        c->trimmed = memory_new(TRIM_SEGMENTS / 8, 1);
    for (uint64_t i = first; i < last && i < TRIM_SEGMENTS; i++)
        bit_set(c->trimmed, i);
    for (size_t i = 0; i < c->count; i++) {
        struct segment *s = &c->segment[i];
        if (s->index < first || s->index >= last)
            continue;
        *s =
            (struct segment){.data = s->data, .index = s->index, .used = s->used, .streamed = true};
    }
    if (!c->medium->discard)
        return 0;
    return c->medium->discard(c->medium, first * SEGMENT_SIZE, stop - first * SEGMENT_SIZE, err);
}

static struct segment *block_cache_oldest_dirty(struct block_cache *c, size_t *count)
{
    struct segment *oldest = NULL;

    *count = 0;
    for (size_t i = 0; i < c->count; i++) {
        struct segment *s = &c->segment[i];
        if (!s->dirty_count)
            continue;
        ++*count;
        if (!oldest || s->used < oldest->used)
            oldest = s;
    }
    return oldest;
}

static int block_cache_flush(struct block_cache *c, struct error *err)
{
    uint64_t end = c->extend_to < c->medium->hard_end ? c->extend_to : c->medium->hard_end;

    if (c->medium->extend && c->extend_to && c->medium->extend(c->medium, end, err))
        return -1;
    if (c->unflushed && c->medium->flush(c->medium, err))
        return -1;
    c->unflushed = false;
    return 0;
}

/* Writes dirty segments, least recently used first, until at most left of them remain. */
static int block_cache_write_until(struct block_cache *c, size_t left, struct error *err)
{
    size_t count;

    for (;;) {
        struct segment *s = block_cache_oldest_dirty(c, &count);
        if (count <= left)
            return 0;
        if (block_cache_write_out(c, s, err))
            return -1;
    }
}

int block_cache_barrier(struct block_cache *c, struct error *err)
{
    return block_cache_write_until(c, 0, err) || block_cache_flush(c, err) ? -1 : 0;
}

static int block_cache_write_alone(struct block_cache *c, uint64_t offset, const void *data,
                                   size_t len, struct error *err)
{
    return block_cache_store(c, offset, data, len, false, err) || block_cache_barrier(c, err) ? -1
                                                                                              : 0;
}

/* A failed write may still have changed the medium. */
static bool block_cache_is_as_before(struct block_cache *c, const struct switch_write *w,
                                     const uint8_t *before)
{
    uint8_t *now = memory_new(w->len, 1);
    struct error ignored;
    bool same = !block_cache_read_exact(c, w->offset, now, w->len, &ignored) &&
                !memcmp(now, before, w->len);

    free(now);
    return same;
}

/* Undoes the first count writes of the list, from the last to the first. */
static bool block_cache_put_back(struct block_cache *c, const struct switch_list *list,
                                 uint8_t *const *before, size_t count)
{
    struct error ignored;
    bool good = true;

    block_cache_forget(c);
    while (count--) {
        const struct switch_write *w = &list->entry[count];
        if (block_cache_is_as_before(c, w, before[count]))
            continue;
        bool done = !block_cache_write_alone(c, w->offset, before[count], w->len, &ignored);
        block_cache_forget(c);
        good = good && done;
    }
    return good;
}

/* Of several copies of the same thing, the first one decides once it is written; the others are
 * only redundant. */
static bool block_cache_is_spare(const struct switch_list *list, size_t i)
{
    return i && list->entry[i - 1].group == list->entry[i].group;
}

static int block_cache_write_list(struct block_cache *c, const struct switch_list *list,
                                  uint8_t **before, struct error *err)
{
    for (size_t i = 0; i < list->count; i++) {
        const struct switch_write *w = &list->entry[i];
        before[i] = memory_new(w->len, 1);
        bool known = !block_cache_read_exact(c, w->offset, before[i], w->len, err);
        if (known && !block_cache_write_alone(c, w->offset, w->data, w->len, err))
            continue;
        if (block_cache_is_spare(list, i)) {
            c->spare_failed = *err;
            block_cache_forget(c);
            continue;
        }
        if (block_cache_put_back(c, list, before, known ? i + 1 : i))
            return error_suffix(err, "the boot switch is unchanged");
        c->unsure = true;
        return error_suffix(err,
                            "it is uncertain what boots next: check the device before you push "
                            "again");
    }
    return 0;
}

/* Nothing else is dirty, so each of these goes out alone. */
static int block_cache_write_switches(struct block_cache *c, struct error *err)
{
    uint8_t *before[SWITCH_LIST_MAX] = {0};
    struct switch_list list = c->switches;

    c->switches.count = 0;
    int rc = block_cache_write_list(c, &list, before, err);
    for (size_t i = 0; i < SWITCH_LIST_MAX; i++)
        free(before[i]);
    switch_list_clear(&list);
    return rc;
}

const char *block_cache_warning(const struct block_cache *c)
{
    return c->spare_failed.text;
}

bool block_cache_is_unsure(const struct block_cache *c)
{
    return c->unsure;
}

const struct error *block_cache_read_error(const struct block_cache *c)
{
    return *c->read_failed.text ? &c->read_failed : NULL;
}

int block_cache_sync(struct block_cache *c, struct error *err)
{
    return block_cache_barrier(c, err) || block_cache_write_switches(c, err) ? -1 : 0;
}

/* Switches, and an ordinary write that came after them, such as a file on FAT: its segment stays
 * dirty until the switches have been written. */
static int block_cache_finish_held(struct block_cache *c, struct error *err)
{
    size_t count;
    struct segment *held = block_cache_oldest_dirty(c, &count);

    if (!held)
        return block_cache_write_switches(c, err);
    /* Sets its bytes aside, as if they had not been written; they return after the switches. */
    struct segment kept = *held;
    held->data = block_cache_pages(1);
    memset(held->valid, 0, sizeof held->valid);
    memset(held->dirty, 0, sizeof held->dirty);
    held->dirty_count = 0;
    int rc = block_cache_write_switches(c, err);
    for (size_t i = 0; !rc && i < BLOCKS; i++)
        if (bit_get(kept.dirty, i))
            rc = block_cache_store(c, kept.index * SEGMENT_SIZE + i * BLOCK_SIZE,
                                   kept.data + i * BLOCK_SIZE, BLOCK_SIZE, false, err);
    free(kept.data);
    return rc ? -1 : block_cache_barrier(c, err);
}

int block_cache_finish(struct block_cache *c, struct error *err)
{
    /* The last segment is held back, unless the last write was a switch. */
    size_t held = c->last_is_switch ? 0 : 1;

    c->finishing = true;
    if (block_cache_write_until(c, held, err) || block_cache_flush(c, err))
        return -1;
    if (!held)
        return block_cache_write_switches(c, err);
    if (!c->switches.count)
        return block_cache_barrier(c, err);
    return block_cache_finish_held(c, err);
}
