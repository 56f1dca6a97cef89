/* SPDX-License-Identifier: Apache-2.0 */
/* A directory for the files of a running updater, beside the lock file and private: what it leaves
 * there, even if it is killed, is cleared away. */
#ifndef FWSSH_DEVICE_RECEIVE_RUN_DIR_H
#define FWSSH_DEVICE_RECEIVE_RUN_DIR_H

#include "base/error.h"

/*
 * For who holds the lock of the device: makes an empty directory, mode 0700, and removes what a
 * killed run has left. lock_file: the key. Returns its path, or NULL with the error set;
 * run_dir_remove() frees it.
 */
char *run_dir_make(const char *lock_file, const char *device, struct error *err);

/* Removes it with all that is in it, except what is mounted there; a failure is logged. NULL: does
 * nothing. */
void run_dir_remove(char *path);

#endif
