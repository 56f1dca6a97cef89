/* Ownership and permissions of files that decide who may log in. */
#ifndef FWSSH_DEVICE_LISTEN_KEY_FILE_H
#define FWSSH_DEVICE_LISTEN_KEY_FILE_H

#include "base/error.h"

/*
 * Like sshd's StrictModes: the file and all directories above it must belong to root or the current
 * user, and nobody else may write to them; a directory with the sticky bit (such as /tmp) is
 * accepted. Returns 0, or -1 with the error set, also if the file is missing.
 */
int key_file_check(const char *path, struct error *err);

#endif
