/* SPDX-License-Identifier: Apache-2.0 */
/* Finds the firmware to push if none is named. */
#ifndef FWSSH_HOST_COMMAND_FIRMWARE_FIND_H
#define FWSSH_HOST_COMMAND_FIRMWARE_FIND_H

#include "base/error.h"
#include "engine/archive/firmware_file.h"

#include <stddef.h>

/*
 * Opens the file path or, if it is NULL, the newest *.fw in the directories where `mix firmware`
 * puts it (fwssh.1, --firmware), for target (NULL: MIX_TARGET, else rpi0) and MIX_ENV (else dev).
 * fit: how many there were. Returns 0, or -1 with the error set as by firmware_file_open_any();
 * firmware_file_close() in any case.
 */
int firmware_find(struct firmware_file *f, const char *path, const char *target, size_t *fit,
                  struct error *err);

#endif
