/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/archive/zip_reader.h"

#include "base/bytes.h"
#include "base/memory.h"
#include "engine/archive/inflate.h"

#include <inttypes.h>
#include <libdeflate.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define ZIP_INPUT_SIZE 65536
/* The size of a read: small, so that progress moves as evenly as the input arrives. */
#define ZIP_INPUT_PIECE 16384
#define ZIP_SIG_LOCAL 0x04034b50u
#define ZIP_SIG_CENTRAL 0x02014b50u
#define ZIP_SIG_END 0x06054b50u
#define ZIP_SIG_END64 0x06064b50u
#define ZIP_SIG_LOCATOR64 0x07064b50u
#define ZIP_SIG_DIGITAL 0x05054b50u
#define ZIP_SIG_DESCRIPTOR 0x08074b50u
#define ZIP_SIG_SPLIT ZIP_SIG_DESCRIPTOR
#define ZIP_SIG_SPLIT_ONE 0x30304b50u
#define ZIP_FLAG_ENCRYPTED 0x0001u
#define ZIP_FLAG_DESCRIPTOR 0x0008u
/* More than this is no length of a zip64 end record. */
#define ZIP_END64_MOST 0xffffffu
/* How far to read past a damaged entry's stated size, to report how wrong it is. */
#define ZIP_EXCESS_MAX (1u << 20)

struct zip_reader {
    struct source source;
    struct inflate *inflate;
    uint8_t in[ZIP_INPUT_SIZE];
    size_t pos, len;
    uint64_t taken; /* from the source */
    bool started;

    /* the current entry */
    bool open, skipping;
    uint16_t flags, method;
    bool zip64, size_known, stored_search;
    uint32_t crc_header;
    uint64_t csize_header, size_header;
    uint32_t crc;
    uint64_t size, csize;
};

struct zip_reader *zip_reader_new(struct source source)
{
    struct zip_reader *r = memory_new(1, sizeof *r);

    r->source = source;
    r->inflate = inflate_new();
    return r;
}

void zip_reader_free(struct zip_reader *r)
{
    if (!r)
        return;
    inflate_free(r->inflate);
    free(r);
}

uint64_t zip_reader_position(const struct zip_reader *r)
{
    return r->taken - (r->len - r->pos);
}

/* Makes at least want bytes available unless the input ends first. The count available, or -1. */
static ssize_t zip_fill(struct zip_reader *r, size_t want, struct error *err)
{
    if (r->len - r->pos >= want)
        return (ssize_t)(r->len - r->pos);
    size_t keep = r->pos < INFLATE_UNUSED_MAX ? r->pos : INFLATE_UNUSED_MAX;
    size_t drop = r->pos - keep; /* keep what inflate may give back */
    memmove(r->in, r->in + drop, r->len - drop);
    r->len -= drop;
    r->pos = keep;
    while (r->len - r->pos < want) {
        size_t room = sizeof r->in - r->len;
        ssize_t n = r->source.read(r->source.data, r->in + r->len,
                                   room < ZIP_INPUT_PIECE ? room : ZIP_INPUT_PIECE, err);
        if (n < 0)
            return -1;
        if (n == 0)
            break;
        r->len += (size_t)n;
        r->taken += (uint64_t)n;
    }
    return (ssize_t)(r->len - r->pos);
}

static int zip_need(struct zip_reader *r, size_t want, const char *what, struct error *err)
{
    ssize_t n = zip_fill(r, want, err);

    if (n < 0)
        return -1;
    if ((size_t)n < want)
        return error_set(err, EXIT_MISMATCH, "Truncated ZIP file %s", what);
    return 0;
}

/* The marker at the start of an archive that was to be split (APPNOTE 8.5.3, 8.5.4). */
static bool zip_is_split_marker(const struct zip_reader *r, uint32_t sig)
{
    return !zip_reader_position(r) && (sig == ZIP_SIG_SPLIT || sig == ZIP_SIG_SPLIT_ONE);
}

/* Between entries, descriptors and padding are skipped. 1 at a local header, 0 at the end, -1 on
 * error. */
static int zip_find_signature(struct zip_reader *r, struct error *err)
{
    for (;;) {
        ssize_t n = zip_fill(r, 4, err);
        if (n < 0)
            return -1;
        uint32_t sig = n >= 4 ? bytes_le32(r->in + r->pos) : 0;
        if (sig == ZIP_SIG_LOCAL) {
            r->started = true;
            return 1;
        }
        if (sig == ZIP_SIG_CENTRAL || sig == ZIP_SIG_END || sig == ZIP_SIG_END64)
            return 0;
        if (zip_is_split_marker(r, sig)) {
            r->pos += 4;
            continue;
        }
        if (!r->started)
            return error_set(err, EXIT_MISMATCH, "Unrecognized archive format");
        if (n < 4)
            return 0;
        r->pos++;
    }
}

static int64_t zip_dos_time(uint16_t date, uint16_t time)
{
    struct tm tm = {.tm_year = (date >> 9) + 80,
                    .tm_mon = ((date >> 5) & 15) - 1,
                    .tm_mday = date & 31,
                    .tm_hour = time >> 11,
                    .tm_min = (time >> 5) & 63,
                    .tm_sec = (time & 31) * 2};
    return (int64_t)timegm(&tm);
}

/* zip64 (id 1): 64-bit sizes where the 32-bit fields are all ones; UT (0x5455): the time.
 * APPNOTE 4.5.3 */
static void zip_parse_extra(struct zip_reader *r, const uint8_t *p, size_t len,
                            struct zip_entry *entry)
{
    while (len >= 4) {
        uint16_t id = bytes_le16(p), size = bytes_le16(p + 2);
        const uint8_t *field = p + 4;
        if (size > len - 4)
            return;
        if (id == 0x5455 && size >= 5 && (field[0] & 1))
            entry->mtime = bytes_le32(field + 1);
        if (id == 1) {
            size_t at = 0;
            r->zip64 = true;
            if (r->size_header == 0xffffffffu && at + 8 <= size) {
                r->size_header = bytes_le64(field + at);
                at += 8;
            }
            if (r->csize_header == 0xffffffffu && at + 8 <= size)
                r->csize_header = bytes_le64(field + at);
        }
        p += 4 + size;
        len -= 4u + size;
    }
}

/* The local file header, APPNOTE 4.3.7: 30 fixed bytes, name, extra fields. */
static int zip_parse_header(struct zip_reader *r, struct zip_entry *entry, struct error *err)
{
    if (zip_need(r, 30, "header", err))
        return -1;
    const uint8_t *h = r->in + r->pos;
    size_t name_len = bytes_le16(h + 26), extra_len = bytes_le16(h + 28);
    r->flags = bytes_le16(h + 6);
    r->method = bytes_le16(h + 8);
    entry->mtime = zip_dos_time(bytes_le16(h + 12), bytes_le16(h + 10));
    r->crc_header = bytes_le32(h + 14);
    r->csize_header = bytes_le32(h + 18);
    r->size_header = bytes_le32(h + 22);
    r->pos += 30;
    if (name_len > ZIP_NAME_MAX)
        return error_set(err, EXIT_MISMATCH, "a name in the archive is longer than %d bytes",
                         ZIP_NAME_MAX);
    if (zip_need(r, name_len, "header", err))
        return -1;
    memcpy(entry->name, r->in + r->pos, name_len);
    entry->name[name_len] = '\0';
    if (strlen(entry->name) != name_len)
        return error_set(err, EXIT_MISMATCH, "a name in the archive contains a NUL byte");
    r->pos += name_len;
    if (extra_len > ZIP_INPUT_SIZE / 2 || zip_need(r, extra_len, "header", err))
        return extra_len > ZIP_INPUT_SIZE / 2
                   ? error_set(err, EXIT_MISMATCH, "the header of '%s' in the archive is too long",
                               entry->name)
                   : -1;
    r->zip64 = false;
    zip_parse_extra(r, r->in + r->pos, extra_len, entry);
    r->pos += extra_len;
    return 0;
}

static int zip_open_entry(struct zip_reader *r, struct zip_entry *entry, struct error *err)
{
    bool later = r->flags & ZIP_FLAG_DESCRIPTOR;

    if (r->flags & ZIP_FLAG_ENCRYPTED)
        return error_set(err, EXIT_MISMATCH, "'%s' in the archive is encrypted", entry->name);
    if (r->method != 0 && r->method != 8)
        return error_set(
            err, EXIT_MISMATCH,
            "'%s' in the archive uses compression method %u; only stored and deflate are supported",
            entry->name, r->method);
    r->size_known = !later || r->size_header != 0;
    r->stored_search = r->method == 0 && later && r->csize_header == 0 && r->size_header == 0;
    if (r->method == 0 && later && r->csize_header == 0)
        r->csize_header = r->size_header;
    r->crc = 0;
    r->size = r->csize = 0;
    r->open = true;
    if (r->method == 8)
        inflate_reset(r->inflate);
    entry->size_known = r->size_known;
    entry->size = r->size_header;
    return 0;
}

int zip_reader_next(struct zip_reader *r, struct zip_entry *entry, struct error *err)
{
    uint8_t skipped[8192];
    ssize_t n;

    r->skipping = true;
    while (r->open && (n = zip_reader_read(r, skipped, sizeof skipped, err)) != 0)
        if (n < 0)
            return -1;
    r->skipping = false;
    int found = zip_find_signature(r, err);
    if (found <= 0)
        return found;
    if (zip_parse_header(r, entry, err) || zip_open_entry(r, entry, err))
        return -1;
    return 1;
}

/* A data descriptor, APPNOTE 4.3.9: signature (optional), CRC, sizes of 32 bits, or 64 in zip64
 * entries. */
static int zip_read_descriptor(struct zip_reader *r, struct error *err)
{
    ssize_t n = zip_fill(r, 24, err);
    if (n < 0)
        return -1;
    const uint8_t *p = r->in + r->pos;
    size_t sig = n >= 4 && bytes_le32(p) == ZIP_SIG_DESCRIPTOR ? 4 : 0;
    if ((size_t)n < sig + 12)
        return error_set(err, EXIT_MISMATCH, "Truncated ZIP end-of-file record");
    r->crc_header = bytes_le32(p + sig);
    bool wide = r->zip64 || bytes_le32(p + sig + 4) != (uint32_t)r->csize;
    if (wide && (size_t)n >= sig + 20 && bytes_le64(p + sig + 4) == r->csize) {
        r->size_header = bytes_le64(p + sig + 12);
        r->pos += sig + 20;
    } else {
        r->size_header = bytes_le32(p + sig + 8);
        r->pos += sig + 12;
    }
    return 0;
}

static int zip_wrong_size(struct zip_reader *r, uint64_t expected, struct error *err)
{
    return error_set(err, EXIT_MISMATCH,
                     "ZIP uncompressed data is wrong size (read %" PRIu64 ", expected %" PRIu64 ")",
                     r->size, expected);
}

static int zip_finish_entry(struct zip_reader *r, struct error *err)
{
    uint64_t stated = r->size_header;

    r->open = false;
    if (r->size_known && r->size != stated && !r->skipping)
        return zip_wrong_size(r, stated, err);
    if ((r->flags & ZIP_FLAG_DESCRIPTOR) && !r->stored_search && zip_read_descriptor(r, err))
        return -1;
    if (r->skipping)
        return 0; /* nobody used the data */
    if (!r->zip64 && r->size != r->size_header && r->size >> 32 == 0)
        return zip_wrong_size(r, r->size_header, err);
    if (r->crc != r->crc_header)
        return error_set(err, EXIT_MISMATCH, "ZIP bad CRC: 0x%x should be 0x%x", r->crc,
                         r->crc_header);
    return 0;
}

/* zlib's Z_BUF_ERROR: more input is needed and there is none. */
#define ZIP_CODE_TRUNCATED (-5)

static int zip_bad_deflate(int code, struct error *err)
{
    return error_set(err, EXIT_MISMATCH, "ZIP decompression failed (%d)", code);
}

static ssize_t zip_read_deflate(struct zip_reader *r, uint8_t *buf, size_t size, struct error *err)
{
    for (;;) {
        ssize_t n = zip_fill(r, 1, err);
        if (n < 0)
            return -1;
        size_t in_len = (size_t)n, out_len = size;
        struct inflate_end end = {0};
        enum inflate_result result =
            inflate_run(r->inflate, r->in + r->pos, &in_len, buf, &out_len, &end);
        r->pos += in_len;
        r->csize += in_len;
        if (result == INFLATE_BAD)
            return zip_bad_deflate(end.code, err);
        if (result == INFLATE_END) {
            r->pos -= end.unused;
            r->csize -= end.unused;
        }
        if (out_len) {
            r->crc = libdeflate_crc32(r->crc, buf, out_len);
            r->size += out_len;
        }
        if (n == 0 && !out_len && result != INFLATE_END)
            return zip_bad_deflate(ZIP_CODE_TRUNCATED, err);
        if (r->size_known && r->size > r->size_header) {
            if (result == INFLATE_END || r->size - r->size_header > ZIP_EXCESS_MAX)
                return zip_wrong_size(r, r->size_header, err);
            continue;
        }
        if (result == INFLATE_END) {
            if (zip_finish_entry(r, err))
                return -1;
            return (ssize_t)out_len;
        }
        if (out_len)
            return (ssize_t)out_len;
    }
}

static ssize_t zip_read_stored(struct zip_reader *r, uint8_t *buf, size_t size, struct error *err)
{
    uint64_t left = r->csize_header - r->csize;

    if (!left)
        return zip_finish_entry(r, err);
    if (zip_need(r, 1, "data", err))
        return -1;
    size_t n = r->len - r->pos;
    if (n > left)
        n = (size_t)left;
    if (n > size)
        n = size;
    memcpy(buf, r->in + r->pos, n);
    r->pos += n;
    r->csize += n;
    r->size += n;
    r->crc = libdeflate_crc32(r->crc, buf, (size_t)n);
    return (ssize_t)n;
}

static bool zip_descriptor_here(struct zip_reader *r, size_t have)
{
    const uint8_t *p = r->in + r->pos;

    if (have < 16 || bytes_le32(p) != ZIP_SIG_DESCRIPTOR || bytes_le32(p + 4) != r->crc)
        return false;
    size_t len;
    if (bytes_le32(p + 8) == r->size && bytes_le32(p + 12) == r->size)
        len = 16;
    else if (have >= 24 && bytes_le64(p + 8) == r->size && bytes_le64(p + 16) == r->size)
        len = 24;
    else
        return false;
    r->pos += len;
    return true;
}

/* Stored data whose sizes come later: it ends where a descriptor matches what was read. */
static ssize_t zip_read_stored_search(struct zip_reader *r, uint8_t *buf, size_t size,
                                      struct error *err)
{
    size_t out = 0;

    while (out < size) {
        ssize_t have = zip_fill(r, 24, err);
        if (have < 0)
            return -1;
        if (have == 0)
            return error_set(err, EXIT_MISMATCH, "Truncated ZIP file data");
        if (zip_descriptor_here(r, (size_t)have)) {
            r->open = false;
            break;
        }
        buf[out] = r->in[r->pos++];
        r->crc = libdeflate_crc32(r->crc, buf + out, 1);
        r->size++;
        out++;
    }
    return (ssize_t)out;
}

ssize_t zip_reader_read(struct zip_reader *r, void *buf, size_t size, struct error *err)
{
    if (!r->open)
        return 0;
    if (r->method == 8)
        return zip_read_deflate(r, buf, size, err);
    if (r->stored_search)
        return zip_read_stored_search(r, buf, size, err);
    return zip_read_stored(r, buf, size, err);
}

/* The length of a record of the archive's directory (APPNOTE 4.3.12 to 4.3.16) that starts at the
 * reader's position; 0 with the error set. *last: it is the end of central directory record. */
static uint64_t zip_directory_record(struct zip_reader *r, bool *last, struct error *err)
{
    static const struct {
        uint32_t sig;
        size_t fixed; /* bytes up to and including the last length */
    } records[] = {{ZIP_SIG_CENTRAL, 46},
                   {ZIP_SIG_DIGITAL, 6},
                   {ZIP_SIG_END64, 12},
                   {ZIP_SIG_LOCATOR64, 20},
                   {ZIP_SIG_END, 22}};
    size_t i = 0;

    if (zip_need(r, 4, "directory", err))
        return 0;
    uint32_t sig = bytes_le32(r->in + r->pos);
    while (i < sizeof records / sizeof *records && records[i].sig != sig)
        i++;
    if (i == sizeof records / sizeof *records) {
        error_set(err, EXIT_MISMATCH, "the directory of the archive is damaged");
        return 0;
    }
    if (zip_need(r, records[i].fixed, "directory", err))
        return 0;
    const uint8_t *p = r->in + r->pos;
    *last = sig == ZIP_SIG_END;
    if (sig == ZIP_SIG_CENTRAL)
        return records[i].fixed + bytes_le16(p + 28) + bytes_le16(p + 30) + bytes_le16(p + 32);
    if (sig == ZIP_SIG_DIGITAL)
        return records[i].fixed + bytes_le16(p + 4);
    if (sig == ZIP_SIG_END64)
        return records[i].fixed + (bytes_le64(p + 4) & ZIP_END64_MOST);
    return records[i].fixed + (*last ? bytes_le16(p + 20) : 0);
}

static int zip_skip(struct zip_reader *r, uint64_t len, struct error *err)
{
    while (len) {
        size_t piece = len < ZIP_INPUT_PIECE ? (size_t)len : ZIP_INPUT_PIECE;
        if (zip_need(r, piece, "directory", err))
            return -1;
        r->pos += piece;
        len -= piece;
    }
    return 0;
}

int zip_reader_finish(struct zip_reader *r, struct error *err)
{
    struct zip_entry entry;
    bool last = false;
    int found;

    while ((found = zip_reader_next(r, &entry, err)) > 0)
        ;
    if (found < 0)
        return -1;
    while (!last) {
        uint64_t len = zip_directory_record(r, &last, err);
        if (!len || zip_skip(r, len, err))
            return -1;
    }
    return 0;
}
