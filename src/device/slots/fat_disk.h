/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A FAT file system as it is on its disk (Microsoft's "FAT: General Overview of On-Disk Format",
 * 1.03), past everything that the kernel has cached of it. Files are found, read, and overwritten
 * in place; nothing on it is trusted.
 */
#ifndef FWSSH_DEVICE_SLOTS_FAT_DISK_H
#define FWSSH_DEVICE_SLOTS_FAT_DISK_H

#include "base/buffer.h"
#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FAT_DISK_NAME_MAX 256

struct fat_disk {
    int fd;
    uint64_t offset;
    size_t align;
    uint32_t cluster; /* its size in bytes */
    unsigned bits;    /* of a table's entry: 12, 16 or 32 */
    uint32_t clusters, root_cluster;
    uint64_t table, root, data; /* where they begin in the file system, in bytes */
    uint64_t table_len;
    size_t root_len;
};

/* A file or directory. */
struct fat_disk_entry {
    char name[FAT_DISK_NAME_MAX]; /* '?' in place of what is not ASCII */
    uint32_t first;               /* cluster; 0: none, or the fixed root */
    uint32_t size;
    bool is_directory;
};

/* fd: of a disk or an image, and stays the caller's; offset, in bytes: where the file system begins
 * on it; align: what all reads and writes are aligned to (O_DIRECT). Returns 0, or -1 with the
 * error set. */
int fat_disk_open(struct fat_disk *f, int fd, uint64_t offset, size_t align, struct error *err);

/* Finds a path, without regard to the case of its letters: 1, 0 if there is no such file or
 * directory, -1 with the error set. "" is the root. */
int fat_disk_find(const struct fat_disk *f, const char *path, struct fat_disk_entry *entry,
                  struct error *err);

/* Calls visit for all that is in a directory, until it returns true: then the result is 1.
 * Otherwise 0, or -1 with the error set. */
int fat_disk_each(const struct fat_disk *f, const struct fat_disk_entry *directory,
                  bool (*visit)(const struct fat_disk_entry *, void *), void *data,
                  struct error *err);

/* Appends a file of at most max bytes. 0, or -1 with the error set. */
int fat_disk_read(const struct fat_disk *f, const struct fat_disk_entry *file, size_t max,
                  struct buffer *out, struct error *err);

/* Overwrites all of a file with bytes of its size, and flushes them. 0, or -1 with the error set.
 */
int fat_disk_overwrite(const struct fat_disk *f, const struct fat_disk_entry *file,
                       const void *bytes, struct error *err);

/* Whether another descriptor's view of the same file system (offset 0 there) has the same table and
 * the same directory: 1, 0, or -1 with the error set. */
int fat_disk_is_seen_by(const struct fat_disk *f, const struct fat_disk_entry *directory, int node,
                        struct error *err);

#endif
