/* SPDX-License-Identifier: Apache-2.0 */
/* Ownership and permissions of files that decide who may log in, and of programs that run as root.
 */
#ifndef FWSSH_DEVICE_CONFIG_TRUSTED_FILE_H
#define FWSSH_DEVICE_CONFIG_TRUSTED_FILE_H

#include "base/error.h"

#include <stdbool.h>

/*
 * Opens a regular file for reading; the caller closes the descriptor. -1 with the error set.
 *
 * strict, like sshd's StrictModes: the file, each directory on the way to it, and each symbolic
 * link with the directories on its way, must belong to root or the current user, and nobody else
 * may write to them; a directory with the sticky bit (such as /tmp) is accepted. Each is opened
 * once, and what is checked is what is opened, so nobody can exchange it in between.
 */
int trusted_file_open(const char *path, bool strict, struct error *err);

#endif
