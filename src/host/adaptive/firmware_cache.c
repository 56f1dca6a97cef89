/* SPDX-License-Identifier: Apache-2.0 */
#include "host/adaptive/firmware_cache.h"

#include "base/io.h"
#include "base/memory.h"
#include "host/adaptive/cache_path.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define CACHE_SUFFIX ".fw"
#define CACHE_PIECE 262144
#define CACHE_UUID 36
/* A copy that has not been written to for so long is not being made any more. */
#define CACHE_COPY_SECONDS 3600

static bool cache_is_uuid(const char *uuid)
{
    return strlen(uuid) == CACHE_UUID && strspn(uuid, "0123456789abcdef-") == CACHE_UUID;
}

/* The path of a firmware, which the caller frees; NULL if there is none. */
static char *cache_firmware_path(const char *uuid)
{
    char name[CACHE_UUID + sizeof CACHE_SUFFIX];

    if (!cache_is_uuid(uuid))
        return NULL;
    snprintf(name, sizeof name, "%s" CACHE_SUFFIX, uuid);
    return cache_path(name);
}

char *firmware_cache_find(const char *uuid)
{
    char *path = cache_firmware_path(uuid);

    if (path && utimensat(AT_FDCWD, path, NULL, AT_SYMLINK_NOFOLLOW)) {
        free(path);
        return NULL;
    }
    return path;
}

/* A clone where the file system can do that: a link would change with the builder's file. */
static int cache_copy(int from, int to, uint64_t size)
{
    uint8_t *piece;
    uint64_t at = 0;

    if (!ioctl(to, FICLONE, from))
        return 0;
    piece = memory_new(CACHE_PIECE, 1);
    while (at < size) {
        ssize_t n = pread(from, piece, CACHE_PIECE, (off_t)at);
        if (n <= 0 || io_write_all(to, piece, (size_t)n))
            break;
        at += (uint64_t)n;
    }
    free(piece);
    return at < size ? -1 : 0;
}

struct cache_entry {
    char name[CACHE_UUID + sizeof CACHE_SUFFIX];
    uint64_t size;
    struct timespec used;
};

static int cache_compare(const void *a, const void *b)
{
    const struct timespec *x = &((const struct cache_entry *)a)->used;
    const struct timespec *y = &((const struct cache_entry *)b)->used;

    if (x->tv_sec != y->tv_sec)
        return x->tv_sec < y->tv_sec ? -1 : 1;
    return (x->tv_nsec > y->tv_nsec) - (x->tv_nsec < y->tv_nsec);
}

/* The unfinished copy of a push that was killed: its name has a process's number at the end. */
static bool cache_is_left(const char *name, const struct stat *st)
{
    size_t len = CACHE_UUID + strlen(CACHE_SUFFIX);

    return strlen(name) > len + 1 &&
           !strncmp(name + CACHE_UUID, CACHE_SUFFIX ".", len + 1 - CACHE_UUID) &&
           !name[len + 1 + strspn(name + len + 1, "0123456789")] &&
           time(NULL) - st->st_mtime >= CACHE_COPY_SECONDS;
}

/* The files in the cache, which the caller frees. What was left behind is removed. */
static struct cache_entry *cache_list(DIR *dir, size_t *count)
{
    struct cache_entry *entries = NULL;
    struct dirent *d;
    struct stat st;

    *count = 0;
    while ((d = readdir(dir))) {
        if (fstatat(dirfd(dir), d->d_name, &st, AT_SYMLINK_NOFOLLOW) || !S_ISREG(st.st_mode))
            continue;
        if (cache_is_left(d->d_name, &st))
            (void)unlinkat(dirfd(dir), d->d_name, 0);
        if (strlen(d->d_name) != CACHE_UUID + strlen(CACHE_SUFFIX))
            continue;
        entries = memory_resize(entries, (*count + 1) * sizeof *entries);
        struct cache_entry *e = &entries[(*count)++];
        *e = (struct cache_entry){.size = (uint64_t)st.st_size, .used = st.st_mtim};
        memcpy(e->name, d->d_name, strlen(d->d_name));
    }
    return entries;
}

/* Removes what was used longest ago, until max bytes are left at most. */
static void cache_trim(const char *directory, uint64_t max)
{
    DIR *dir = opendir(directory);
    uint64_t sum = 0;
    size_t count;

    if (!dir)
        return;
    struct cache_entry *entries = cache_list(dir, &count);
    for (size_t i = 0; i < count; i++)
        sum += entries[i].size;
    if (count)
        qsort(entries, count, sizeof *entries, cache_compare);
    for (size_t i = 0; i < count && sum > max; i++)
        if (!unlinkat(dirfd(dir), entries[i].name, 0))
            sum -= entries[i].size;
    free(entries);
    closedir(dir);
}

static void cache_write(const struct firmware_file *firmware, const char *path)
{
    char *temporary = memory_printf("%s.%d", path, (int)getpid());
    int fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

    if (fd >= 0 && (cache_copy(firmware->fd, fd, firmware->size) ||
                    firmware_file_has_changed(firmware) || rename(temporary, path)))
        unlink(temporary);
    io_close(&fd);
    free(temporary);
}

/* A power failure may leave a name whose content was never written. */
static bool cache_is_complete(const char *kept, const struct firmware_file *firmware)
{
    struct stat st;

    return kept && !stat(kept, &st) && (uint64_t)st.st_size == firmware->size;
}

void firmware_cache_keep(const struct firmware_file *firmware, uint64_t max)
{
    char *path = cache_firmware_path(firmware->uuid), *directory = cache_path(".");
    char *kept = firmware_cache_find(firmware->uuid);

    if (path && directory && !cache_is_complete(kept, firmware) && firmware->size <= max) {
        cache_path_make(path);
        cache_trim(directory, max - firmware->size);
        cache_write(firmware, path);
    }
    free(kept);
    free(path);
    free(directory);
}
