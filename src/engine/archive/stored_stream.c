/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/archive/stored_stream.h"

#include "base/buffer.h"
#include "base/bytes.h"
#include "base/io.h"
#include "base/memory.h"
#include "engine/archive/firmware.h"
#include "engine/archive/zip_reader.h"

#include <errno.h>
#include <fcntl.h>
#include <libdeflate.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define STORED_PIECE 262144
#define STORED_LOCAL 0x04034b50u /* APPNOTE.TXT 4.3.7 */
#define STORED_END 0x06054b50u   /* 4.3.16 */
#define STORED_END_SIZE 22
#define STORED_HEAD 30
#define STORED_LIMIT UINT32_MAX
#define STORED_VERSION 10
#define STORED_VERSION_64 45
#define STORED_EPOCH_DATE 0x0021 /* 1980-01-01; the time that counts is in the extra field */
/* Extra fields: 64-bit sizes (4.5.3), and the UT field of Info-ZIP, a time of modification. */
#define STORED_EXTRA_64 0x0001
#define STORED_EXTRA_64_SIZE 20
#define STORED_EXTRA_TIME 0x5455
#define STORED_EXTRA_TIME_SIZE 9

/* The file that is read, and the one that is written. */
struct stored_work {
    struct stored_stream *s;
    int in, out;
    uint64_t read_at, len;
    uint8_t *piece;
};

static ssize_t stored_read(void *data, void *buf, size_t size, struct error *err)
{
    struct stored_work *w = data;
    ssize_t n = pread(w->in, buf, size, (off_t)w->read_at);

    if (n < 0)
        return error_errno(err, "cannot read the firmware");
    w->read_at += (uint64_t)n;
    return n;
}

static int stored_write(struct stored_work *w, const void *bytes, size_t len, uint64_t at,
                        struct error *err)
{
    return io_pwrite_all(w->out, bytes, len, at)
               ? error_errno(err, "cannot copy the firmware into a temporary file; make room, "
                                  "or set TMPDIR")
               : 0;
}

static int stored_open_temporary(struct error *err)
{
    const char *dir = getenv("TMPDIR");
    char name[4096];

    if (!dir || !*dir)
        dir = "/var/tmp";
    int fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd >= 0)
        return fd;
    /* Not every file system can do that. */
    snprintf(name, sizeof name, "%s/fwssh-XXXXXX", dir);
    fd = mkostemp(name, O_CLOEXEC);
    if (fd < 0)
        return error_errno(err, "cannot create a temporary file in %s (set TMPDIR)", dir);
    unlink(name);
    return fd;
}

static size_t stored_head_size(const struct zip_entry *e)
{
    size_t size = STORED_HEAD + strlen(e->name) + STORED_EXTRA_TIME_SIZE;

    return e->size_known && e->size >= STORED_LIMIT ? size + STORED_EXTRA_64_SIZE : size;
}

static void stored_put_sizes64(uint8_t *p, uint64_t len)
{
    bytes_put_le16(p, STORED_EXTRA_64);
    bytes_put_le16(p + 2, STORED_EXTRA_64_SIZE - 4);
    bytes_put_le64(p + 4, len);
    bytes_put_le64(p + 12, len);
}

/* Makes the local header of an entry of len bytes. */
static void stored_make_head(const struct zip_entry *e, uint64_t len, uint32_t crc, uint8_t *p)
{
    size_t name = strlen(e->name), size = stored_head_size(e);
    bool large = size > STORED_HEAD + name + STORED_EXTRA_TIME_SIZE;
    uint32_t len32 = large ? STORED_LIMIT : (uint32_t)len;

    memset(p, 0, STORED_HEAD);
    bytes_put_le32(p, STORED_LOCAL);
    bytes_put_le16(p + 4, large ? STORED_VERSION_64 : STORED_VERSION);
    bytes_put_le16(p + 12, STORED_EPOCH_DATE);
    bytes_put_le32(p + 14, crc);
    bytes_put_le32(p + 18, len32);
    bytes_put_le32(p + 22, len32);
    bytes_put_le16(p + 26, (uint16_t)name);
    bytes_put_le16(p + 28, (uint16_t)(size - STORED_HEAD - name));
    memcpy(p + STORED_HEAD, e->name, name);
    p += STORED_HEAD + name;
    bytes_put_le16(p, STORED_EXTRA_TIME);
    bytes_put_le16(p + 2, STORED_EXTRA_TIME_SIZE - 4);
    p[4] = 1; /* it has the time of modification */
    bytes_put_le32(p + 5, (uint32_t)e->mtime);
    if (large)
        stored_put_sizes64(p + STORED_EXTRA_TIME_SIZE, len);
}

static void stored_add_part(struct stored_stream *s, const char *name, uint64_t at, uint64_t len)
{
    s->part = memory_resize(s->part, (s->parts + 1) * sizeof *s->part);
    s->part[s->parts++] = (struct stored_part){.at = at, .len = len, .name = memory_text(name)};
}

static int stored_copy_data(struct stored_work *w, struct zip_reader *zip, uint64_t *len,
                            uint32_t *crc, struct error *err)
{
    uint64_t at = w->len;
    ssize_t n;

    *len = 0;
    *crc = 0;
    while ((n = zip_reader_read(zip, w->piece, STORED_PIECE, err)) > 0) {
        *crc = libdeflate_crc32(*crc, w->piece, (size_t)n);
        if (stored_write(w, w->piece, (size_t)n, at + *len, err))
            return -1;
        *len += (uint64_t)n;
    }
    return n < 0 ? -1 : 0;
}

static int stored_copy_entry(struct stored_work *w, struct zip_reader *zip,
                             const struct zip_entry *e, struct error *err)
{
    uint8_t head[STORED_HEAD + ZIP_NAME_MAX + STORED_EXTRA_TIME_SIZE + STORED_EXTRA_64_SIZE];
    size_t head_size = stored_head_size(e);
    uint64_t at = w->len, len;
    uint32_t crc;

    w->len += head_size;
    if (stored_copy_data(w, zip, &len, &crc, err))
        return -1;
    if (len >= STORED_LIMIT && !(e->size_known && e->size >= STORED_LIMIT))
        return error_set(err, EXIT_MISMATCH, "%s has 4 GiB or more, and its size is not announced",
                         e->name);
    stored_make_head(e, len, crc, head);
    if (stored_write(w, head, head_size, at, err))
        return -1;
    stored_add_part(w->s, e->name, w->len, len);
    w->len += len;
    if (!strcmp(e->name, FIRMWARE_META_NAME) && w->s->parts <= 2)
        w->s->start = w->len;
    return 0;
}

static int stored_copy_archive(struct stored_work *w, struct error *err)
{
    struct zip_reader *zip = zip_reader_new((struct source){stored_read, w});
    uint8_t end[STORED_END_SIZE] = {0};
    struct zip_entry e;
    int found, rc = 0;

    while (!rc && (found = zip_reader_next(zip, &e, err)))
        rc = found < 0 ? -1 : stored_copy_entry(w, zip, &e, err);
    zip_reader_free(zip);
    bytes_put_le32(end, STORED_END);
    if (!rc)
        rc = stored_write(w, end, sizeof end, w->len, err);
    w->len += sizeof end;
    return rc;
}

/* Mapped where it lies, it could be cut off while it is read, which is a signal and no error. */
static int stored_copy_file(struct stored_work *w, struct error *err)
{
    ssize_t n;

    while ((n = stored_read(w, w->piece, STORED_PIECE, err)) > 0) {
        if (stored_write(w, w->piece, (size_t)n, w->len, err))
            return -1;
        w->len += (uint64_t)n;
    }
    stored_add_part(w->s, "", 0, w->len);
    return n < 0 ? -1 : 0;
}

static int stored_map(struct stored_work *w, struct error *err)
{
    void *bytes = MAP_FAILED;

    if (w->len && w->len == (size_t)w->len)
        bytes = mmap(NULL, (size_t)w->len, PROT_READ | PROT_WRITE, MAP_PRIVATE, w->out, 0);
    if (bytes == MAP_FAILED)
        return error_errno(err, "cannot map the firmware into memory");
    w->s->bytes = bytes;
    w->s->len = w->len;
    return 0;
}

int stored_stream_open(struct stored_stream *s, int fd, struct error *err)
{
    struct stored_work w = {.s = s, .in = fd};
    uint8_t magic[4] = {0};
    int rc = -1;

    *s = (struct stored_stream){0};
    if (io_pread_zero(fd, magic, sizeof magic, 0))
        return error_errno(err, "cannot read the firmware");
    w.out = stored_open_temporary(err);
    if (w.out < 0)
        return -1;
    w.piece = memory_new(STORED_PIECE, 1);
    bool is_archive = bytes_le32(magic) == STORED_LOCAL;
    if (!(is_archive ? stored_copy_archive(&w, err) : stored_copy_file(&w, err)))
        rc = stored_map(&w, err);
    free(w.piece);
    io_close(&w.out);
    return rc;
}

void stored_stream_close(struct stored_stream *s)
{
    if (s->bytes)
        munmap(s->bytes, (size_t)s->len);
    for (size_t i = 0; i < s->parts; i++)
        free(s->part[i].name);
    free(s->part);
    *s = (struct stored_stream){0};
}
