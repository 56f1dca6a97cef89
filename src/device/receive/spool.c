/* SPDX-License-Identifier: Apache-2.0 */
#include "device/receive/spool.h"

#include "base/io.h"
#include "base/memory.h"
#include "device/config/state_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

#define SPOOL_MEGABYTE (1u << 20)
#define SPOOL_MEMORY "/proc/meminfo"
#define SPOOL_MEMORY_MAX 65536

/* What may be used of what is free, in bytes. */
struct spool_room {
    uint64_t free, most;
};

static int spool_create(const char *dir, struct error *err)
{
    int fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

    if (fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR || errno == EINVAL)) {
        char *path = memory_printf("%s/spool-XXXXXX", dir);
        fd = mkostemp(path, O_CLOEXEC);
        if (fd >= 0)
            (void)unlink(path);
        free(path);
    }
    if (fd < 0)
        error_errno(err, "cannot make a file for the firmware in %s (key spool-dir)", dir);
    return fd;
}

/* In bytes; more than there is if the kernel does not say it. */
static uint64_t spool_memory(void)
{
    static const char name[] = "MemAvailable:";
    struct buffer text = {0};
    struct error ignored;
    unsigned long long kilobytes = 0;

    (void)io_read_file(SPOOL_MEMORY, SPOOL_MEMORY_MAX, &text, &ignored);
    const char *at = strstr(buffer_text(&text), name);
    bool known = at && sscanf(at + strlen(name), "%llu", &kilobytes) == 1;
    buffer_free(&text);
    return known ? kilobytes * 1024 : UINT64_MAX;
}

/* A tmpfs says how large it may become, whatever memory is left. */
static struct spool_room spool_look(int fd, const struct device_config *config)
{
    struct spool_room room = {0};
    struct statfs fs;

    if (!fstatfs(fd, &fs)) {
        uint64_t memory = fs.f_type == TMPFS_MAGIC ? spool_memory() : UINT64_MAX;
        room.free = (uint64_t)fs.f_bavail * (uint64_t)fs.f_frsize;
        room.free = room.free < memory ? room.free : memory;
    }
    room.most = config->spool_max ? (uint64_t)config->spool_max * SPOOL_MEGABYTE : room.free / 2;
    return room;
}

static unsigned long long spool_megabytes(uint64_t bytes)
{
    return bytes / SPOOL_MEGABYTE;
}

static int spool_refuse(const struct spool *s, const struct spool_room *room, struct error *err)
{
    unsigned long long needed = spool_megabytes(s->size - 1) + 1;

    if (s->size > room->free)
        return error_set(err, EXIT_REFUSED,
                         "the firmware needs %llu MiB in %s (key spool-dir), where %llu are free",
                         needed, s->dir, spool_megabytes(room->free));
    return error_set(err, EXIT_REFUSED,
                     "the firmware needs %llu MiB in %s, and may use %llu of the %llu that are "
                     "free (key spool-max)",
                     needed, s->dir, spool_megabytes(room->most), spool_megabytes(room->free));
}

static int spool_allocate(struct spool *s, const struct device_config *config, struct error *err)
{
    struct spool_room room = spool_look(s->fd, config);

    if (s->size > room.most || s->size > room.free || s->size > INT64_MAX)
        return spool_refuse(s, &room, err);
    errno = posix_fallocate(s->fd, 0, (off_t)s->size);
    if (!errno)
        return 0;
    if (errno == ENOSPC || errno == EDQUOT || errno == EFBIG) {
        /* Less is free than there seemed to be. */
        room.free = room.free < s->size ? room.free : s->size - 1;
        return spool_refuse(s, &room, err);
    }
    return error_errno(err, "cannot reserve room for the firmware in %s (key spool-dir)", s->dir);
}

int spool_reserve(struct spool *s, const struct device_config *config, uint64_t size,
                  struct error *err)
{
    int rc = 0;

    *s = (struct spool){
        .fd = -1, .dir = *config->spool_dir ? config->spool_dir : config->state_dir, .size = size};
    if (!*config->spool_dir)
        rc = state_dir_make(config, err);
    if (!rc)
        s->fd = spool_create(s->dir, err);
    if (s->fd < 0 || spool_allocate(s, config, err)) {
        spool_close(s);
        return error_suffix(err, "nothing was done");
    }
    return 0;
}

static int spool_write(void *data, const void *bytes, size_t len, struct error *err)
{
    const struct spool *s = data;

    if (io_write_all(s->fd, bytes, len))
        return error_errno(err, "cannot write the firmware to %s (key spool-dir)", s->dir);
    return 0;
}

/* An updater may refuse a file that somebody could still write (RAUC takes a lease). */
static int spool_reopen(struct spool *s, struct error *err)
{
    char path[40];

    snprintf(path, sizeof path, "/proc/self/fd/%d", s->fd);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return error_errno(err, "cannot open the firmware in %s again", s->dir);
    io_close(&s->fd);
    s->fd = fd;
    return 0;
}

int spool_fill(struct spool *s, struct client *client, struct error *err)
{
    const struct client_taker taker = {spool_write, s};

    if (client_receive(client, s->size, &taker, err) || spool_reopen(s, err))
        return error_suffix(err, "nothing was activated");
    return 0;
}

void spool_close(struct spool *s)
{
    io_close(&s->fd);
}
