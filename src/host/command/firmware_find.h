/* Which firmware is meant when none is named, and what it says of itself. */
#ifndef FWSSH_HOST_COMMAND_FIRMWARE_FIND_H
#define FWSSH_HOST_COMMAND_FIRMWARE_FIND_H

#include "base/error.h"

#include <stdint.h>

struct firmware_file {
    char *path;
    int fd;
    uint64_t size;
    char *product, *version, *platform, *architecture, *nickname; /* NULL: not said */
    char uuid[40];
};

/*
 * Opens the named file, or the first *.fw of the places where `mix firmware` leaves it, for the
 * target (NULL: MIX_TARGET, else rpi0) and MIX_ENV (else dev). Reads its metadata; something that
 * is no archive is an error.
 */
int firmware_find(struct firmware_file *f, const char *path, const char *target, struct error *err);
void firmware_find_close(struct firmware_file *f);

#endif
