/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/archive/zip_writer.h"

#include "base/buffer.h"
#include "base/bytes.h"
#include "base/io.h"
#include "base/memory.h"
#include "engine/archive/deflate.h"

#include <libdeflate.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define ZIP_PIECE 65536
#define ZIP_FLAG_DESCRIPTOR 0x0008u
#define ZIP_DOS_EPOCH_DATE 0x0021u      /* 1980-01-01 */
#define ZIP_FILE_ATTRIBUTES 0x81a40000u /* regular file, mode 0644 */
#define ZIP_MADE_BY_UNIX 0x0300u
/* Deflate can make a file slightly longer, so sizes near 4 GiB already use 64-bit fields. */
#define ZIP_DEFLATE_LIMIT 0xff000000u
#define ZIP_LIMIT 0xffffffffu

struct zip_writer {
    int fd, level;
    uint64_t offset;
    uint64_t count;
    struct buffer directory;
    uint8_t in[ZIP_PIECE];
};

struct zip_writer *zip_writer_new(int fd, int level)
{
    struct zip_writer *w = memory_new(1, sizeof *w);

    w->fd = fd;
    w->level = level;
    return w;
}

void zip_writer_free(struct zip_writer *w)
{
    if (!w)
        return;
    buffer_free(&w->directory);
    free(w);
}

static int zip_put(struct zip_writer *w, const void *data, size_t len, struct error *err)
{
    if (io_write_all(w->fd, data, len))
        return error_errno(err, "cannot write the archive");
    w->offset += len;
    return 0;
}

static void zip_add16(struct buffer *b, uint16_t v)
{
    uint8_t p[2];

    bytes_put_le16(p, v);
    buffer_add(b, p, sizeof p);
}

static void zip_add32(struct buffer *b, uint32_t v)
{
    uint8_t p[4];

    bytes_put_le32(p, v);
    buffer_add(b, p, sizeof p);
}

static void zip_add64(struct buffer *b, uint64_t v)
{
    uint8_t p[8];

    bytes_put_le64(p, v);
    buffer_add(b, p, sizeof p);
}

/* The entry being written, with the values of its headers. */
struct zip_record {
    const struct zip_new_entry *entry;
    uint64_t offset, csize;
    uint32_t crc;
    bool zip64;
    uint16_t dos_date, dos_time;
};

static void zip_set_time(struct zip_record *r)
{
    struct tm tm;
    time_t t = (time_t)r->entry->mtime;

    r->dos_date = ZIP_DOS_EPOCH_DATE;
    /* ZIP's DOS time is local time; the UT field next to it is UTC. */
    if (!r->entry->has_mtime || !localtime_r(&t, &tm) || tm.tm_year < 80)
        return;
    r->dos_date = (uint16_t)((tm.tm_year - 80) << 9 | (tm.tm_mon + 1) << 5 | tm.tm_mday);
    r->dos_time = (uint16_t)(tm.tm_hour << 11 | tm.tm_min << 5 | tm.tm_sec / 2);
}

/* UT (0x5455, APPNOTE 4.6.1): modification time; ux (0x7875): owner 0, group 0. */
static void zip_add_extra(struct buffer *b, const struct zip_record *r)
{
    static const uint8_t owner[] = {'u', 'x', 11, 0, 1, 4, 0, 0, 0, 0, 4, 0, 0, 0, 0};

    buffer_add(b, "UT", 2);
    zip_add16(b, r->entry->has_mtime ? 5 : 1);
    buffer_add(b, r->entry->has_mtime ? "\1" : "\0", 1);
    if (r->entry->has_mtime)
        zip_add32(b, (uint32_t)r->entry->mtime);
    buffer_add(b, owner, sizeof owner);
}

static uint16_t zip_version(const struct zip_record *r)
{
    return r->zip64 ? 45 : r->entry->stored ? 10 : 20;
}

static int zip_put_header(struct zip_writer *w, const struct zip_record *r, struct error *err)
{
    struct buffer extra = {0}, h = {0};
    uint64_t csize = r->entry->stored ? r->entry->size : 0;

    if (r->zip64) {
        zip_add16(&extra, 1);
        zip_add16(&extra, 16);
        zip_add64(&extra, r->entry->size);
        zip_add64(&extra, csize);
    }
    zip_add_extra(&extra, r);
    zip_add32(&h, 0x04034b50u);
    zip_add16(&h, zip_version(r));
    zip_add16(&h, ZIP_FLAG_DESCRIPTOR);
    zip_add16(&h, r->entry->stored ? 0 : 8);
    zip_add16(&h, r->dos_time);
    zip_add16(&h, r->dos_date);
    zip_add32(&h, 0); /* CRC: in the descriptor */
    zip_add32(&h, r->zip64 ? ZIP_LIMIT : (uint32_t)csize);
    zip_add32(&h, r->zip64 ? ZIP_LIMIT : (uint32_t)r->entry->size);
    zip_add16(&h, (uint16_t)strlen(r->entry->name));
    zip_add16(&h, (uint16_t)extra.len);
    buffer_add_text(&h, r->entry->name);
    buffer_add(&h, extra.data, extra.len);
    int rc = zip_put(w, h.data, h.len, err);
    buffer_free(&extra);
    buffer_free(&h);
    return rc;
}

static void zip_add_central(struct zip_writer *w, const struct zip_record *r)
{
    struct buffer wide = {0}, extra = {0};
    struct buffer *d = &w->directory;
    bool big_size = r->entry->size >= ZIP_LIMIT, big_csize = r->csize >= ZIP_LIMIT,
         big_offset = r->offset >= ZIP_LIMIT;

    if (big_size)
        zip_add64(&wide, r->entry->size);
    if (big_csize)
        zip_add64(&wide, r->csize);
    if (big_offset)
        zip_add64(&wide, r->offset);
    if (wide.len) {
        zip_add16(&extra, 1);
        zip_add16(&extra, (uint16_t)wide.len);
        buffer_add(&extra, wide.data, wide.len);
    }
    zip_add_extra(&extra, r);
    zip_add32(d, 0x02014b50u);
    zip_add16(d, (uint16_t)(ZIP_MADE_BY_UNIX | zip_version(r)));
    zip_add16(d, zip_version(r));
    zip_add16(d, ZIP_FLAG_DESCRIPTOR);
    zip_add16(d, r->entry->stored ? 0 : 8);
    zip_add16(d, r->dos_time);
    zip_add16(d, r->dos_date);
    zip_add32(d, r->crc);
    zip_add32(d, big_csize ? ZIP_LIMIT : (uint32_t)r->csize);
    zip_add32(d, big_size ? ZIP_LIMIT : (uint32_t)r->entry->size);
    zip_add16(d, (uint16_t)strlen(r->entry->name));
    zip_add16(d, (uint16_t)extra.len);
    zip_add16(d, 0); /* comment */
    zip_add16(d, 0); /* disk */
    zip_add16(d, 0); /* internal attributes */
    zip_add32(d, ZIP_FILE_ATTRIBUTES);
    zip_add32(d, big_offset ? ZIP_LIMIT : (uint32_t)r->offset);
    buffer_add_text(d, r->entry->name);
    buffer_add(d, extra.data, extra.len);
    buffer_free(&wide);
    buffer_free(&extra);
}

static int zip_put_descriptor(struct zip_writer *w, const struct zip_record *r, struct error *err)
{
    struct buffer d = {0};

    zip_add32(&d, 0x08074b50u);
    zip_add32(&d, r->crc);
    if (r->zip64) {
        zip_add64(&d, r->csize);
        zip_add64(&d, r->entry->size);
    } else {
        zip_add32(&d, (uint32_t)r->csize);
        zip_add32(&d, (uint32_t)r->entry->size);
    }
    int rc = zip_put(w, d.data, d.len, err);
    buffer_free(&d);
    return rc;
}

static int zip_put_to(void *data, const void *bytes, size_t len, struct error *err)
{
    return zip_put(data, bytes, len, err);
}

static int zip_put_stored(struct zip_writer *w, const struct source *data, uint64_t *total,
                          uint32_t *crc, struct error *err)
{
    ssize_t n;

    *total = 0;
    *crc = 0;
    while ((n = data->read(data->data, w->in, sizeof w->in, err)) > 0) {
        *total += (uint64_t)n;
        *crc = libdeflate_crc32(*crc, w->in, (size_t)n);
        if (zip_put(w, w->in, (size_t)n, err))
            return -1;
    }
    return n < 0 ? -1 : 0;
}

/* Stores or deflates the source's bytes; sets the record's CRC and compressed size. */
static int zip_put_data(struct zip_writer *w, struct zip_record *r, const struct source *data,
                        struct error *err)
{
    struct deflate_sink sink = {.put = zip_put_to, .data = w};
    uint64_t start = w->offset, total;

    if (r->entry->stored ? zip_put_stored(w, data, &total, &r->crc, err)
                         : deflate_source(data, w->level, &sink, &total, &r->crc, err))
        return -1;
    if (total != r->entry->size)
        return error_set(err, EXIT_FAILED, "'%s' changed while it was being read", r->entry->name);
    r->csize = w->offset - start;
    return 0;
}

int zip_writer_add(struct zip_writer *w, const struct zip_new_entry *entry,
                   const struct source *data, struct error *err)
{
    struct zip_record r = {
        .entry = entry,
        .offset = w->offset,
        .zip64 = entry->size > (entry->stored ? ZIP_LIMIT : ZIP_DEFLATE_LIMIT),
    };

    zip_set_time(&r);
    if (zip_put_header(w, &r, err) || zip_put_data(w, &r, data, err) ||
        zip_put_descriptor(w, &r, err))
        return -1;
    zip_add_central(w, &r);
    w->count++;
    return 0;
}

int zip_writer_finish(struct zip_writer *w, struct error *err)
{
    uint64_t start = w->offset, size = w->directory.len;
    bool wide = start > ZIP_LIMIT || size > ZIP_LIMIT || w->count > 0xffff;
    struct buffer *d = &w->directory;

    if (wide) {
        zip_add32(d, 0x06064b50u);
        zip_add64(d, 44);
        zip_add16(d, 45);
        zip_add16(d, 45);
        zip_add32(d, 0);
        zip_add32(d, 0);
        zip_add64(d, w->count);
        zip_add64(d, w->count);
        zip_add64(d, size);
        zip_add64(d, start);
        zip_add32(d, 0x07064b50u);
        zip_add32(d, 0);
        zip_add64(d, start + size);
        zip_add32(d, 1);
    }
    zip_add32(d, 0x06054b50u);
    zip_add16(d, 0);
    zip_add16(d, 0);
    zip_add16(d, wide ? 0xffff : (uint16_t)w->count);
    zip_add16(d, wide ? 0xffff : (uint16_t)w->count);
    zip_add32(d, wide ? ZIP_LIMIT : (uint32_t)size);
    zip_add32(d, wide ? ZIP_LIMIT : (uint32_t)start);
    zip_add16(d, 0);
    return zip_put(w, d->data, d->len, err);
}
