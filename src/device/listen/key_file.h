/* Files that decide who may log in must be in safe hands. */
#ifndef FWSSH_DEVICE_LISTEN_KEY_FILE_H
#define FWSSH_DEVICE_LISTEN_KEY_FILE_H

#include "base/error.h"

/*
 * As sshd's StrictModes: the file and all directories above it belong to root or to this user, and
 * nobody else can write to them. A directory that all may write to but only owners may take things
 * from (such as /tmp) is good enough. -1 with the error set; a missing file is one, too.
 */
int key_file_check(const char *path, struct error *err);

#endif
