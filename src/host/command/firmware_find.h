/* Which firmware is meant when none is named. */
#ifndef FWSSH_HOST_COMMAND_FIRMWARE_FIND_H
#define FWSSH_HOST_COMMAND_FIRMWARE_FIND_H

#include "base/error.h"
#include "engine/archive/firmware_file.h"

/*
 * Opens the named file, or the first *.fw of the places where `mix firmware` leaves it, for the
 * target (NULL: MIX_TARGET, else rpi0) and MIX_ENV (else dev). Errors as firmware_file_open().
 * firmware_file_close() in any case.
 */
int firmware_find(struct firmware_file *f, const char *path, const char *target, struct error *err);

#endif
