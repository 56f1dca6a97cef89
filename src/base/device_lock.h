/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One update at a time. Two locks, both flock(2):
 *
 * - the lock file, named after the device. Taken by everything that changes the device, passed on
 *   to the programs that do the work, and kept until the reboot.
 * - the disk's lock: the node of the whole disk, opened read-only, as systemd's "Locking Block
 *   Device Access" has it, or the image file itself. Taken by who writes, for as long as it writes.
 */
#ifndef FWSSH_BASE_DEVICE_LOCK_H
#define FWSSH_BASE_DEVICE_LOCK_H

#include "base/error.h"

#define DEVICE_LOCK_DIRECTORY "/run/fwssh"
#define DEVICE_LOCK_FILE DEVICE_LOCK_DIRECTORY "/DEVICE.lock"
/* For a child: the descriptor of the lock file, and the pattern of its name. */
#define DEVICE_LOCK_FD_VARIABLE "FWSSH_LOCK_FD"
#define DEVICE_LOCK_FILE_VARIABLE "FWSSH_LOCK_FILE"
/* For a child: the descriptor of the disk's lock. */
#define DEVICE_LOCK_DISK_VARIABLE "FWSSH_DISK_LOCK_FD"

/* Creates the directory of lock files, mode 0700, if it is missing. Returns 0, or -1 with the error
 * set; also if somebody else could change what is in it. */
int device_lock_make_directory(const char *pattern, struct error *err);

/* The path of a lock file, as device_lock_take() makes it; the caller frees it. */
char *device_lock_path(const char *pattern, const char *device);

/*
 * Takes the lock file. pattern: the value of lock-file, in which DEVICE stands for the resolved
 * device path with every '/' replaced by '_'; its directory is created if it is missing. Returns a
 * descriptor that holds the lock until every copy of it is closed, or -1 with the error set:
 * EXIT_REFUSED if another update is running, with its start and the process that holds the lock, or
 * if the device is about to reboot.
 */
int device_lock_take(const char *pattern, const char *device, struct error *err);

/* Where the device cannot be found: 0 if the lock file of none is held, or -1 with the error set,
 * as of device_lock_take(). */
int device_lock_check_all(const char *pattern, struct error *err);

/* Notes in the lock file that its holder waits for the reboot, for the message to others. */
void device_lock_note_reboot(int fd);

/* Notes in this process's environment that fd holds the lock file, for device_lock_exported() and
 * for children that get the descriptor. -1: not any more. */
void device_lock_export(int fd, const char *pattern);

/* The descriptor of the lock that this process has exported; -1 if there is none. */
int device_lock_exported(void);

/* Before anything is opened, whose descriptor could be taken for an inherited one: notes which of
 * them a program in between has closed, as other languages do when they start one. */
void device_lock_look(void);

/*
 * For a program that writes to a device on its own or as a child: 0 if it may, with the lock file's
 * descriptor in *lock, or -1 there if the lock is the caller's (inherited, and checked to be the
 * one of this device) or if lock files cannot be created here. -1 with the error set if another
 * update is running, or if the lock file is not to be trusted.
 */
int device_lock_join(const char *device, int *lock, struct error *err);

/*
 * Takes the lock of the disk that device is, or is a part of. Tries for 10 seconds, because udevd
 * holds it for a moment now and then. Returns 0 with a descriptor in *lock (-1: it is inherited, or
 * there is nothing to be locked, as for /dev/null), or -1 with the error set: EXIT_REFUSED if it is
 * in use.
 */
int device_lock_disk(const char *device, int *lock, struct error *err);

#endif
