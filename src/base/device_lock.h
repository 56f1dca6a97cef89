/* One update at a time: flock(2) on a file named after the device. */
#ifndef FWSSH_BASE_DEVICE_LOCK_H
#define FWSSH_BASE_DEVICE_LOCK_H

#include "base/error.h"

/*
 * pattern: the value of lock-file, in which DEVICE stands for the resolved device path with every
 * '/' replaced by '_'. Returns a descriptor that holds the lock until every copy of it is closed
 * (the updater inherits one, so the lock lasts as long as an updater runs), or -1 with the error
 * set: EXIT_REFUSED if another update is running, with the time when it started.
 */
int device_lock_take(const char *pattern, const char *device, struct error *err);

#endif
