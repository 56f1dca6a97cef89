/* One update at a time: an flock(2) on a file named after the device. */
#ifndef FWSSH_BASE_DEVICE_LOCK_H
#define FWSSH_BASE_DEVICE_LOCK_H

#include "base/error.h"

/*
 * pattern: the key lock-file, in which DEVICE stands for the resolved device path with each '/' as
 * '_'. Returns a descriptor that holds the lock until every copy of it is closed (the updater
 * inherits one, so that it is held as long as an updater lives), or -1: EXIT_REFUSED when another
 * update is running, with the time it began.
 */
int device_lock_take(const char *pattern, const char *device, struct error *err);

#endif
