/* Files of a FAT volume: written from the start to the end, and read. */
#ifndef FWSSH_ENGINE_FAT_FAT_FILE_H
#define FWSSH_ENGINE_FAT_FAT_FILE_H

#include "engine/fat/fat_dir.h"

/* A file that is being written. */
struct fat_file {
    struct fat_volume *volume;
    struct fat_entry entry;
    uint32_t first, cluster; /* 0 while it is empty */
    uint32_t sectors;        /* used of the last cluster */
    uint64_t size;
    uint64_t stored; /* bytes that are in their sectors */
    size_t held;     /* bytes that wait for their sector to be whole */
    uint8_t tail[BLOCK_SIZE];
};

/* Makes the file, or empties the one that is there. */
int fat_file_create(struct fat_file *f, struct fat_volume *v, const char *path, struct error *err);
int fat_file_write(struct fat_file *f, const void *data, size_t len, struct error *err);

/* Writes the rest and the file's size. Nothing has to be done about a file that failed. */
int fat_file_finish(struct fat_file *f, struct error *err);

/* Makes an empty file unless there is one. */
int fat_file_touch(struct fat_volume *v, const char *path, struct error *err);

/* A piece of a file: where it is in the file and on the medium, in bytes. */
struct fat_extent {
    uint64_t at, offset, len;
};

/* Where a file's bytes are, in order. The caller frees *extents. A missing file is an error. */
int fat_file_extents(struct fat_volume *v, const char *path, struct fat_extent **extents,
                     size_t *count, struct error *err);

/*
 * Gives a file's bytes to a function, in pieces, until it returns other than 0, which is then
 * returned, as is its 0 at the end. -1 with the error set if the file cannot be read.
 */
int fat_file_read(struct fat_volume *v, const char *path,
                  int (*take)(void *data, const uint8_t *bytes, size_t len, struct error *err),
                  void *data, struct error *err);

#endif
