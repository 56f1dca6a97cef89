/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/medium/medium_file.h"

#include "base/io.h"
#include "base/memory.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/fs.h>
#include <mntent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

struct medium_file {
    struct medium medium;
    int fd;
};

static struct medium_file *medium_self(struct medium *m)
{
    return (struct medium_file *)m;
}

static int medium_file_read(struct medium *m, uint64_t offset, void *buf, size_t len,
                            struct error *err)
{
    if (io_pread_zero(medium_self(m)->fd, buf, len, offset))
        return error_errno(err, "reading %zu bytes failed at offset %llu", len,
                           (unsigned long long)offset);
    return 0;
}

static int medium_write_failed(struct medium *m, size_t len, uint64_t offset, struct error *err)
{
    int read_only = 0, saved = errno;

    if (!ioctl(medium_self(m)->fd, BLKROGET, &read_only) && read_only)
        return error_set(err, EXIT_FAILED,
                         "writing %zu bytes failed at offset %llu: the device is read-only", len,
                         (unsigned long long)offset);
    errno = saved;
    return error_errno(err, "writing %zu bytes failed at offset %llu. Check media size", len,
                       (unsigned long long)offset);
}

static int medium_file_write(struct medium *m, uint64_t offset, const struct iovec *pieces,
                             int count, struct error *err)
{
    size_t len = 0;

    for (int i = 0; i < count; i++)
        len += pieces[i].iov_len;
    ssize_t n;
    do
        n = pwritev(medium_self(m)->fd, pieces, count, (off_t)offset);
    while (n < 0 && errno == EINTR);
    /* A write cut short by a signal or a full medium continues piece by piece, which also gives the
     * error. */
    size_t done = n > 0 ? (size_t)n : 0;
    for (int i = 0; n >= 0 && i < count; i++) {
        size_t skip = done < pieces[i].iov_len ? done : pieces[i].iov_len;
        done -= skip;
        if (io_pwrite_all(medium_self(m)->fd, (const char *)pieces[i].iov_base + skip,
                          pieces[i].iov_len - skip, offset + skip))
            n = -1;
        offset += pieces[i].iov_len;
    }
    return n < 0 ? medium_write_failed(m, len, offset, err) : 0;
}

static int medium_file_flush(struct medium *m, struct error *err)
{
    /* EINVAL: a character device such as /dev/null, which has nothing to flush. */
    if (fdatasync(medium_self(m)->fd) && errno != EINVAL && errno != EROFS)
        return error_errno(err, "flushing the medium failed");
    return 0;
}

static int medium_file_discard(struct medium *m, uint64_t offset, uint64_t len, struct error *err)
{
    uint64_t range[2] = {offset, len};

    if (ioctl(medium_self(m)->fd, BLKDISCARD, range))
        return error_errno(err, "trim of %llu bytes at offset %llu failed", (unsigned long long)len,
                           (unsigned long long)offset);
    return 0;
}

static int medium_file_extend(struct medium *m, uint64_t size, struct error *err)
{
    struct stat st;

    if (fstat(medium_self(m)->fd, &st) ||
        ((uint64_t)st.st_size < size && ftruncate(medium_self(m)->fd, (off_t)size)))
        return error_errno(err, "cannot make the image %llu bytes long", (unsigned long long)size);
    return 0;
}

/* /dev/sda matches /dev/sda1, /dev/mmcblk0 matches /dev/mmcblk0p1, but not /dev/mmcblk01. */
static bool medium_is_part_of(const char *mounted, const char *device)
{
    size_t len = strlen(device);

    if (strncmp(mounted, device, len))
        return false;
    const char *rest = mounted + len;
    if (len && isdigit((unsigned char)device[len - 1]) && *rest) {
        if (*rest != 'p' || !rest[1])
            return false;
        rest++;
    }
    return rest[strspn(rest, "0123456789")] == '\0';
}

/* Either name may be a link, such as those below /dev/disk. */
static bool medium_is_on(const char *mounted, const char *device)
{
    char mounted_real[PATH_MAX], device_real[PATH_MAX];

    if (*mounted != '/')
        return false;
    return medium_is_part_of(realpath(mounted, mounted_real) ? mounted_real : mounted,
                             realpath(device, device_real) ? device_real : device);
}

/* What is mounted of a device, in the order of mounting. */
struct medium_mounts {
    struct {
        char *source, *place;
    } * mount;
    size_t count;
};

static int medium_find_mounts(struct medium_mounts *m, const char *device)
{
    FILE *table = setmntent("/proc/mounts", "re");
    struct mntent *entry;

    if (!table)
        return -1;
    while ((entry = getmntent(table))) {
        /* A root that is read-only has nothing to write, and may stay. */
        bool may_stay = !strcmp(entry->mnt_dir, "/") && hasmntopt(entry, MNTOPT_RO);
        if (may_stay || !medium_is_on(entry->mnt_fsname, device))
            continue;
        m->mount = memory_resize(m->mount, (m->count + 1) * sizeof *m->mount);
        m->mount[m->count].source = memory_text(entry->mnt_fsname);
        m->mount[m->count++].place = memory_text(entry->mnt_dir);
    }
    endmntent(table);
    return 0;
}

static void medium_free_mounts(struct medium_mounts *m)
{
    for (size_t i = 0; i < m->count; i++) {
        free(m->mount[i].source);
        free(m->mount[i].place);
    }
    free(m->mount);
}

/* The kernel would make the root read-only instead, and say that it is done. */
static int medium_check_root(const struct medium_mounts *m, struct error *err)
{
    for (size_t i = 0; i < m->count; i++)
        if (!strcmp(m->mount[i].place, "/"))
            return error_set(err, EXIT_FAILED, "cannot unmount %s from /: %s", m->mount[i].source,
                             strerror(EBUSY));
    return 0;
}

static int medium_unmount(const char *device, struct error *err)
{
    struct medium_mounts m = {0};

    if (medium_find_mounts(&m, device))
        return error_errno(err, "cannot read /proc/mounts to unmount %s", device);
    int rc = medium_check_root(&m, err);
    /* The last one first: it may lie within another. */
    for (size_t i = m.count; i-- && !rc;)
        if (umount2(m.mount[i].place, 0))
            rc = error_errno(err, "cannot unmount %s from %s", m.mount[i].source, m.mount[i].place);
    medium_free_mounts(&m);
    return rc;
}

static int medium_open_image(struct medium_file *f, const char *path, const struct stat *st,
                             struct error *err)
{
    bool exists = st != NULL;

    /* Root can write to a file without any write bit, but such a file is meant to be left alone. */
    if (exists && !(st->st_mode & 0222))
        errno = EACCES;
    else
        f->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (f->fd < 0 && exists)
        return error_errno(
            err,
            "Cannot open '%s' for output. Check file permissions or the read-only tab if "
            "this is an SD Card",
            path);
    if (f->fd < 0)
        return error_errno(
            err, "Cannot create '%s'. Check the path and permissions on the containing directory",
            path);
    f->medium.size = exists ? (uint64_t)st->st_size : 0;
    f->medium.extend = medium_file_extend;
    return 0;
}

static int medium_open_device(struct medium_file *f, const char *path,
                              const struct medium_options *options, bool is_block,
                              struct error *err)
{
    if (is_block && options->unmount && medium_unmount(path, err))
        return -1;
    f->fd = open(path, O_RDWR | O_CLOEXEC | (is_block ? O_DIRECT : 0));
    if (f->fd < 0)
        return error_errno(
            err,
            "Cannot open '%s' for output. Check file permissions or the read-only tab if "
            "this is an SD Card",
            path);
    struct stat st;
    f->medium.is_device = is_block;
    if (!is_block)
        return 0;
    if (!fstat(f->fd, &st))
        f->medium.device = st.st_rdev;
    off_t end = lseek(f->fd, 0, SEEK_END);
    if (end > 0)
        f->medium.size = f->medium.hard_end = (uint64_t)end;
    int block_size = 0;
    if (!ioctl(f->fd, BLKSSZGET, &block_size) && block_size > 0)
        f->medium.block_size = (uint32_t)block_size;
    if (options->enable_trim)
        f->medium.discard = medium_file_discard;
    return 0;
}

static void medium_limit(struct medium *m, uint64_t max_blocks)
{
    uint64_t limit = max_blocks > UINT64_MAX / 512 ? UINT64_MAX : max_blocks * 512;

    if (!max_blocks || limit > m->hard_end)
        return;
    m->hard_end = limit;
    m->size = limit;
}

struct medium *medium_file_open(const char *path, const struct medium_options *options,
                                struct error *err)
{
    struct medium_file *f = memory_new(1, sizeof *f);
    struct stat st;
    int rc;

    f->fd = -1;
    f->medium = (struct medium){
        .read = medium_file_read,
        .write = medium_file_write,
        .flush = medium_file_flush,
        .hard_end = UINT64_MAX,
    };
    bool exists = !stat(path, &st);
    bool image = exists ? S_ISREG(st.st_mode) : strncmp(path, "/dev/", 5) != 0;
    if (image)
        rc = medium_open_image(f, path, exists ? &st : NULL, err);
    else
        rc = medium_open_device(f, path, options, exists && S_ISBLK(st.st_mode), err);
    if (rc) {
        medium_file_close(&f->medium);
        return NULL;
    }
    medium_limit(&f->medium, options->max_blocks);
    return &f->medium;
}

void medium_file_close(struct medium *m)
{
    if (!m)
        return;
    io_close(&medium_self(m)->fd);
    free(m);
}
