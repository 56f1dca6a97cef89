/*
 * The newest version that this device has taken, which key refuse-older keeps in
 * state-dir/newest-version: older firmware is refused. It never goes down. The owner's override is
 * a file state-dir/allow-older: the next update may be older, and uses the file up.
 */
#ifndef FWSSH_DEVICE_UPDATERS_VERSION_FLOOR_H
#define FWSSH_DEVICE_UPDATERS_VERSION_FLOOR_H

#include "device/config/device_config.h"

#include <stdbool.h>

#define VERSION_FLOOR_SIZE 64

struct version_floor {
    char version[VERSION_FLOOR_SIZE]; /* "": nothing is too old */
    bool overridden;                  /* by the owner */
};

/* What the next update has to reach. A file that is missing or damaged counts as none: who could
 * damage it could take it away, too, and nobody else may be locked out. */
void version_floor_read(struct version_floor *floor, const struct device_config *config);

/* After an update of that version ("": it has none) has been written. 0, or -1 with the error set
 * when the files cannot be changed. */
int version_floor_raise(const struct version_floor *floor, const struct device_config *config,
                        const char *version, struct error *err);

#endif
