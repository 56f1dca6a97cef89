/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files that a boot loader reads, as it will find them. On a FAT file system that is mounted, an
 * updater writes on the disk below, and the kernel goes on showing what it has cached: so there
 * they are read, and overwritten, on the disk itself. Elsewhere they are ordinary files.
 */
#ifndef FWSSH_DEVICE_SLOTS_BOOT_FILE_H
#define FWSSH_DEVICE_SLOTS_BOOT_FILE_H

#include "base/buffer.h"
#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

/* Appends a file of at most max bytes. 0, or -1 with the error set. */
int boot_file_read(const char *path, size_t max, struct buffer *out, struct error *err);

/* Overwrites a file with bytes of its size, in place, and flushes it. 0, or -1 with the error set.
 */
int boot_file_overwrite(const char *path, const void *bytes, size_t len, struct error *err);

/* Calls take for the name of each file and directory in a directory. 0, or -1 with the error set.
 */
int boot_file_list(const char *directory, void (*take)(const char *name, void *data), void *data,
                   struct error *err);

/* Whether a file, or directory, is as its mount shows it, so that a change through the mount
 * destroys nothing: 0, or -1 with the error set (EXIT_REFUSED if it is not). */
int boot_file_check_mount(const char *path, struct error *err);

#endif
