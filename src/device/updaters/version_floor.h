/*
 * With the key refuse-older, the newest version installed so far is stored in
 * state-dir/newest-version, and older firmware is refused. It never decreases. The owner can
 * override it with a file state-dir/allow-older: the next update may be older, and removes the
 * file.
 */
#ifndef FWSSH_DEVICE_UPDATERS_VERSION_FLOOR_H
#define FWSSH_DEVICE_UPDATERS_VERSION_FLOOR_H

#include "device/config/device_config.h"

#include <stdbool.h>

#define VERSION_FLOOR_SIZE 64

struct version_floor {
    char version[VERSION_FLOOR_SIZE]; /* "": no version is too old */
    bool overridden;                  /* by allow-older */
};

/* Reads the minimum for the next update. A missing or damaged file counts as none: whoever can
 * damage it could also delete it, and nobody else may be locked out. */
void version_floor_read(struct version_floor *floor, const struct device_config *config);

/* Called when an update of this version ("": it has none) has been written. Returns 0, or -1 with
 * the error set if the files cannot be changed. */
int version_floor_raise(const struct version_floor *floor, const struct device_config *config,
                        const char *version, struct error *err);

#endif
