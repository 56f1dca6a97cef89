/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Firmware files that were pushed, by UUID, in $XDG_CACHE_HOME/fwssh (else ~/.cache/fwssh): a
 * device that runs one of them gets the next one as differences. The cache is only a hint: what a
 * device says it holds decides. It is bounded: the file used longest ago goes first.
 */
#ifndef FWSSH_HOST_ADAPTIVE_FIRMWARE_CACHE_H
#define FWSSH_HOST_ADAPTIVE_FIRMWARE_CACHE_H

#include "engine/archive/firmware_file.h"

#include <stdint.h>

#define FIRMWARE_CACHE_MAX (1ull << 30)

/* The path of the firmware with this UUID, which is marked as used; the caller frees it. NULL if it
 * is not there. */
char *firmware_cache_find(const char *uuid);

/* Keeps a copy, unless the file has changed since it was opened. That it cannot be kept is no
 * failure of the push: nothing is reported. max: bytes of the whole cache. */
void firmware_cache_keep(const struct firmware_file *firmware, uint64_t max);

#endif
