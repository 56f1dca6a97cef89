/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/hold/hold_source.h"

#include "base/io.h"
#include "base/memory.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Read at once for the index; and so much is kept for the chunk at the end of it. */
#define SOURCE_PIECE (1u << 20)

void hold_sources_open(struct hold_sources *s, int device, const uint8_t *start, size_t len)
{
    *s = (struct hold_sources){.device = device, .count = 1, .first = 1, .places = len};
    s->source[0] = (struct hold_source){.bytes = start, .len = len};
}

void hold_sources_add(struct hold_sources *s, int fd)
{
    off_t size = lseek(fd, 0, SEEK_END);

    if (size <= 0 || s->count == HOLD_SOURCES_MAX || (uint64_t)size > CHUNK_PLACE_MAX - s->places)
        return;
    struct hold_source *new = &s->source[s->count++];
    *new = (struct hold_source){.place = s->places,
                                .len = (uint64_t)size,
                                .fd = fd,
                                .extent = memory_new(1, sizeof *new->extent),
                                .extents = 1};
    *new->extent = (struct fat_extent){.len = new->len};
    s->places += new->len;
    s->first = s->count;
}

void hold_sources_close(struct hold_sources *s)
{
    for (size_t i = 0; i < s->count; i++) {
        free(s->source[i].resource);
        free(s->source[i].extent);
        disk_cipher_free(s->source[i].cipher);
    }
    s->count = 0;
}

/* The source that contains a place, or NULL. */
static const struct hold_source *source_at(const struct hold_sources *s, uint64_t place)
{
    for (size_t i = s->count; i-- > 0;)
        if (place >= s->source[i].place)
            return place - s->source[i].place < s->source[i].len ? &s->source[i] : NULL;
    return NULL;
}

static bool source_pread(int fd, uint8_t *to, size_t len, uint64_t offset)
{
    while (len) {
        ssize_t n = pread(fd, to, len, (off_t)offset);
        if (n <= 0)
            return false;
        to += n;
        offset += (uint64_t)n;
        len -= (size_t)n;
    }
    return true;
}

/* Reads bytes as they are on the medium. */
static bool source_read_plain(const struct hold_source *source, uint64_t at, uint8_t *to,
                              size_t len)
{
    for (size_t i = 0; i < source->extents && len; i++) {
        const struct fat_extent *e = &source->extent[i];
        if (at < e->at || at - e->at >= e->len)
            continue;
        uint64_t skip = at - e->at;
        size_t n = e->len - skip < len ? (size_t)(e->len - skip) : len;
        if (!source_pread(source->fd, to, n, e->offset + skip))
            return false;
        at += n;
        to += n;
        len -= n;
    }
    return len == 0;
}

/* Of an encrypted range, only whole sectors can be read. */
static bool source_read_cipher(const struct hold_source *source, uint64_t at, uint8_t *to,
                               size_t len)
{
    uint64_t sector = at / DISK_CIPHER_SECTOR;
    size_t skip = (size_t)(at % DISK_CIPHER_SECTOR);
    size_t whole = (skip + len + DISK_CIPHER_SECTOR - 1) / DISK_CIPHER_SECTOR * DISK_CIPHER_SECTOR;
    uint8_t *sectors = memory_new(whole, 1);

    bool read = source_read_plain(source, sector * DISK_CIPHER_SECTOR, sectors, whole);
    if (read) {
        disk_cipher_decrypt(source->cipher, sector, sectors, whole);
        memcpy(to, sectors + skip, len);
    }
    free(sectors);
    return read;
}

static bool source_read(const struct hold_source *source, uint64_t at, uint8_t *to, size_t len)
{
    if (len > source->len || at > source->len - len)
        return false;
    if (source->bytes)
        memcpy(to, source->bytes + at, len);
    else if (source->cipher)
        return source_read_cipher(source, at, to, len);
    else
        return source_read_plain(source, at, to, len);
    return true;
}

bool hold_sources_read(const struct hold_sources *s, uint64_t place, uint8_t *to, size_t len)
{
    const struct hold_source *source = source_at(s, place);

    return source && source_read(source, place - source->place, to, len);
}

struct source_indexing {
    struct chunk_index *index;
    struct chunk_cutter cutter;
    int (*tick)(void *data, uint64_t bytes);
    void *tick_data;
    uint8_t *piece;
};

/* Cuts what lies in the piece, of which the chunk at the end may go on unless it is the last one.
 * Returns how many bytes were cut. */
static size_t source_cut(struct source_indexing *w, uint64_t place, size_t len, bool last)
{
    size_t at = 0;

    while (at < len && (last || len - at >= CHUNK_MAX)) {
        size_t n = chunk_cut(&w->cutter, w->piece + at, len - at, CHUNK_LOG);
        chunk_index_add(w->index, place + at, w->piece + at, n);
        at += n;
    }
    return at;
}

static int source_index(struct source_indexing *w, const struct hold_source *source)
{
    size_t held = 0;
    int rc = 0;

    for (uint64_t at = 0; at < source->len && !rc;) {
        uint64_t left = source->len - at - held;
        size_t n = left < SOURCE_PIECE - held ? (size_t)left : SOURCE_PIECE - held;
        if (n && !source_read(source, at + held, w->piece + held, n))
            break; /* what cannot be read is not held */
        held += n;
        size_t cut = source_cut(w, source->place + at, held, at + held == source->len);
        memmove(w->piece, w->piece + cut, held - cut);
        at += cut;
        held -= cut;
        rc = w->tick(w->tick_data, n);
    }
    chunk_index_end(w->index);
    return rc;
}

int hold_sources_index(const struct hold_sources *s, size_t from, size_t to,
                       struct chunk_index *index, int (*tick)(void *data, uint64_t bytes),
                       void *data)
{
    struct source_indexing w = {
        .index = index, .tick = tick, .tick_data = data, .piece = memory_new(SOURCE_PIECE, 1)};
    int rc = 0;

    chunk_cutter_init(&w.cutter);
    for (size_t i = from > 1 ? from : 1; i < to && !rc; i++)
        rc = source_index(&w, &s->source[i]);
    free(w.piece);
    chunk_index_build(index);
    return rc;
}
