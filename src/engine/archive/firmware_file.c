/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/archive/firmware_file.h"

#include "base/clean.h"
#include "base/io.h"
#include "base/memory.h"
#include "engine/archive/bundle.h"
#include "engine/archive/firmware.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The record without its comment, and where in a file to look for it: comments have up to 64 KiB,
 * and something may have been appended. */
#define FIRMWARE_FILE_END 22
#define FIRMWARE_FILE_TAIL (1u << 20)

static char *firmware_file_text(cfg_t *cfg, const char *key)
{
    const char *text = cfg_getstr(cfg, key);

    char *copy = text ? memory_text(text) : NULL;

    if (copy)
        clean_line(copy);
    return copy;
}

static int firmware_file_describe(struct firmware_file *f, struct error *err)
{
    struct firmware fw;

    if (firmware_open(&fw, source_from_fd(&f->fd), NULL, err))
        return error_prefix(err, "%s is not a usable firmware archive", f->path);
    f->product = firmware_file_text(fw.cfg, "meta-product");
    f->version = firmware_file_text(fw.cfg, "meta-version");
    f->platform = firmware_file_text(fw.cfg, "meta-platform");
    f->architecture = firmware_file_text(fw.cfg, "meta-architecture");
    f->nickname = firmware_file_text(fw.cfg, "meta-nickname");
    memcpy(f->uuid, fw.uuid, META_UUID_SIZE);
    firmware_close(&fw);
    if (lseek(f->fd, 0, SEEK_SET))
        return error_errno(err, "cannot read %s from its start", f->path);
    return 0;
}

static uint32_t firmware_file_number(const unsigned char *p, int bytes)
{
    uint32_t n = 0;

    while (bytes--)
        n = n << 8 | p[bytes];
    return n;
}

/* Whether an end-of-central-directory record (ZIP, section 4.3.16) at this place in the file, with
 * left bytes from here on, is the one of a whole file: the directory ends where it begins, unlike
 * that of an archive within the archive. Something may follow it. */
static bool firmware_file_is_end(const unsigned char *p, size_t left, uint64_t place)
{
    if (left < FIRMWARE_FILE_END || memcmp(p, "PK\5\6", 4))
        return false;
    uint64_t size = firmware_file_number(p + 12, 4), start = firmware_file_number(p + 16, 4);

    return firmware_file_number(p + 20, 2) <= left - FIRMWARE_FILE_END &&
           (start == UINT32_MAX || size == UINT32_MAX || start + size == place);
}

/* A device would wait for the rest, or find out only after the last byte. */
static int firmware_file_check_end(const struct firmware_file *f, struct error *err)
{
    size_t len = f->size < FIRMWARE_FILE_TAIL ? (size_t)f->size : FIRMWARE_FILE_TAIL;
    unsigned char *tail = memory_new(len, 1);
    bool found = false;

    ssize_t n = pread(f->fd, tail, len, (off_t)(f->size - len));
    for (size_t at = n == (ssize_t)len ? len : 0; at-- > 0 && !found;)
        found = firmware_file_is_end(tail + at, len - at, f->size - len + at);
    free(tail);
    if (n < 0)
        return error_errno(err, "cannot read %s", f->path);
    return found ? 0
                 : error_set(err, EXIT_MISMATCH,
                             "%s is cut off: the end of the archive is missing after %llu bytes; "
                             "copy or build it again",
                             f->path, (unsigned long long)f->size);
}

static int firmware_file_read(struct firmware_file *f, struct error *err)
{
    if (f->kind != FIRMWARE_FW)
        return bundle_describe(f, err);
    return firmware_file_describe(f, err) || firmware_file_check_end(f, err) ? -1 : 0;
}

/* any: kinds other than FIRMWARE_FW, too. */
static int firmware_file_start(struct firmware_file *f, const char *path, bool any,
                               struct error *err)
{
    struct stat st;
    int rc;

    *f = (struct firmware_file){.path = memory_text(path)};
    f->fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC); /* of a pipe, it would wait */
    if (f->fd < 0 || fstat(f->fd, &st)) {
        rc = error_errno(err, "cannot open the firmware %s", path);
    } else if (!S_ISREG(st.st_mode)) {
        rc = error_set(err, EXIT_USAGE, "the firmware %s is not a regular file", path);
    } else {
        f->size = (uint64_t)st.st_size;
        f->changed = st.st_ctim;
        f->written = st.st_mtim;
        if (any)
            f->kind = bundle_look(f->fd, f->size);
        rc = firmware_file_read(f, err);
    }
    if (rc && err->status == EXIT_FAILED)
        err->status = EXIT_USAGE; /* the wrong file was named; nothing has failed yet */
    return rc;
}

int firmware_file_open(struct firmware_file *f, const char *path, struct error *err)
{
    return firmware_file_start(f, path, false, err);
}

int firmware_file_open_any(struct firmware_file *f, const char *path, struct error *err)
{
    return firmware_file_start(f, path, true, err);
}

void firmware_file_close(struct firmware_file *f)
{
    io_close(&f->fd);
    free(f->path);
    free(f->product);
    free(f->version);
    free(f->platform);
    free(f->architecture);
    free(f->nickname);
    *f = (struct firmware_file){.fd = -1};
}

static bool firmware_file_is_time(const struct timespec *a, const struct timespec *b)
{
    return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

int firmware_file_check_unwritten(const struct firmware_file *f, struct error *err)
{
    struct stat st;

    if (fstat(f->fd, &st))
        return error_errno(err, "cannot look at the firmware %s", f->path);
    if ((uint64_t)st.st_size == f->size && firmware_file_is_time(&st.st_mtim, &f->written))
        return 0;
    return error_set(err, EXIT_FAILED, "%s has been written to since this push began", f->path);
}

bool firmware_file_has_changed(const struct firmware_file *f)
{
    struct stat st;

    return fstat(f->fd, &st) || (uint64_t)st.st_size != f->size ||
           !firmware_file_is_time(&st.st_ctim, &f->changed);
}
