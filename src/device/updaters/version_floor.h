/* SPDX-License-Identifier: Apache-2.0 */
/*
 * With the key refuse-older, the newest version that has proved itself (receive/version_settle.h)
 * is stored in state-dir/newest-version, and older firmware is refused; so is what cannot be
 * compared with it. It never decreases, and is never made anew: if it cannot be read, every update
 * is refused. The owner can allow one exception with a file state-dir/allow-older, which the update
 * removes before its switch.
 */
#ifndef FWSSH_DEVICE_UPDATERS_VERSION_FLOOR_H
#define FWSSH_DEVICE_UPDATERS_VERSION_FLOOR_H

#include "base/version.h"
#include "device/config/device_config.h"

#include <stdbool.h>

#define VERSION_FLOOR_NEWEST "newest-version"
#define VERSION_FLOOR_OVERRIDE "allow-older"
#define VERSION_FLOOR_PENDING "pending-version" /* wire/pending_version.h */

struct version_floor {
    bool kept;                  /* refuse-older is set */
    char version[VERSION_SIZE]; /* "": no version is too old */
    bool overridden;            /* by allow-older */
};

/* Reads the minimum for the next update, and makes sure that its version can be recorded. Returns
 * 0, or -1 with the error set: EXIT_REFUSED if nothing may be installed. */
int version_floor_read(struct version_floor *floor, const struct device_config *config,
                       struct error *err);

/* Lets this version count from now on, unless a newer one or one that cannot be compared with it
 * does. Returns 0, or -1 with the error set if that cannot be read or recorded. */
int version_floor_raise(const struct device_config *config, const char *version, struct error *err);

/* For fwsshd -t: whether versions can be compared and recorded as the keys minimum-version and
 * refuse-older promise; whether the updater can do it is checked with the updater. Returns 0, or -1
 * with the error set. */
int version_floor_test(const struct device_config *config, struct error *err);

#endif
