/* SPDX-License-Identifier: Apache-2.0 */
/* Who holds a flock(2): for the message that somebody else gets. */
#ifndef FWSSH_BASE_LOCK_HOLDER_H
#define FWSSH_BASE_LOCK_HOLDER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

#define LOCK_HOLDER_SIZE 64

/*
 * Describes a process that holds the lock of the file behind fd: "process 123 (fwpack)". The one
 * that took it comes first (/proc/locks); if it has ended, one that has inherited it. "" if it
 * cannot be found, as in another PID namespace or for a user without rights.
 */
void lock_holder_find(int fd, char text[LOCK_HOLDER_SIZE]);

/* The same for the file of that name. */
void lock_holder_find_path(const char *path, char text[LOCK_HOLDER_SIZE]);

/* Whether the process that took the lock of this file is an ancestor of this one. */
bool lock_holder_is_ancestor(const struct stat *st);

/* Whether that text names a program that updates devices, not one that looks at a disk for a
 * moment. */
bool lock_holder_is_updater(const char *text);

#endif
