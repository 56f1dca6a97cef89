/* SPDX-License-Identifier: Apache-2.0 */
/*
 * GRUB's environment block: a file of exactly 1024 bytes that begins with a fixed line; then
 * NAME=VALUE lines, in which a backslash quotes the next byte, and '#' to the end (GRUB's manual,
 * "Environment block").
 */
#ifndef FWSSH_DEVICE_SLOTS_GRUB_ENV_H
#define FWSSH_DEVICE_SLOTS_GRUB_ENV_H

#include "base/buffer.h"
#include "base/error.h"

#include <stdbool.h>

#define GRUB_ENV_SIZE 1024

struct grub_env {
    char block[GRUB_ENV_SIZE + 1];
};

/* As it is on the disk, where GRUB reads it. Returns 0, or -1 with the error set if the file cannot
 * be read or is no such block. */
int grub_env_read(struct grub_env *e, const char *path, struct error *err);

/* The same as the mount shows it, which may be an older one (boot_file.h). */
int grub_env_read_mounted(struct grub_env *e, const char *path, struct error *err);

/* Copies a value without its quoting to out, cut at size; false, with "", if it is not set. */
bool grub_env_get(const struct grub_env *e, const char *name, char *out, size_t size);

/* Appends to out, each after a blank, the X of all variables X and then suffix. */
void grub_env_list(const struct grub_env *e, const char *suffix, struct buffer *out);

/*
 * Overwrites a value by one of the same length, in the file itself, and flushes it: GRUB reads
 * those blocks, and a rename on FAT can lose both files. Returns 0, or -1 with the error set.
 */
int grub_env_overwrite(struct grub_env *e, const char *path, const char *name, const char *value,
                       struct error *err);

#endif
