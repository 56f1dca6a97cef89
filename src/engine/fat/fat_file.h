/* SPDX-License-Identifier: Apache-2.0 */
/* Files of a FAT volume: sequential writing, and reading. */
#ifndef FWSSH_ENGINE_FAT_FAT_FILE_H
#define FWSSH_ENGINE_FAT_FAT_FILE_H

#include "engine/fat/fat_dir.h"

/* A file being written. */
struct fat_file {
    struct fat_volume *volume;
    struct fat_entry entry;
    uint32_t first, cluster; /* 0 while it is empty */
    uint32_t sectors;        /* in use in the last cluster */
    uint64_t size;
    uint64_t stored; /* bytes that have been written to sectors */
    size_t held;     /* bytes of a sector that is not full yet */
    uint8_t tail[BLOCK_SIZE];
};

/* Creates the file, or truncates it if it exists. */
int fat_file_create(struct fat_file *f, struct fat_volume *v, const char *path, struct error *err);
int fat_file_write(struct fat_file *f, const void *data, size_t len, struct error *err);

/* Writes the rest and the file's size. A file that failed needs no cleanup. */
int fat_file_finish(struct fat_file *f, struct error *err);

/* Creates an empty file if there is none. */
int fat_file_touch(struct fat_volume *v, const char *path, struct error *err);

/* A piece of a file: where it is in the file and on the medium, and how long, in bytes. */
struct fat_extent {
    uint64_t at, offset, len;
};

/* The extents of a file, in order. The caller frees *extents. A missing file is an error. */
int fat_file_extents(struct fat_volume *v, const char *path, struct fat_extent **extents,
                     size_t *count, struct error *err);

/* Passes a file's bytes to take, in pieces, until that returns something other than 0. Returns what
 * take returned last, or -1 with the error set if the file cannot be read. */
int fat_file_read(struct fat_volume *v, const char *path,
                  int (*take)(void *data, const uint8_t *bytes, size_t len, struct error *err),
                  void *data, struct error *err);

#endif
