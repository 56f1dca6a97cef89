/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What decides which slot boots, as it was at the first look since this boot: that is what runs, if
 * nothing better tells. fwsshd looks when it starts, and every update before it writes.
 */
#ifndef FWSSH_DEVICE_SLOTS_BOOT_MEMORY_H
#define FWSSH_DEVICE_SLOTS_BOOT_MEMORY_H

#include "device/config/device_config.h"

#include <stdbool.h>

struct boot_memory {
    char *slot;  /* or "" if it could not be told */
    char *table; /* the mark of the partition table (boot_table.h), or "" */
};

/* Reads what was stored since this boot; false, with both "", if there is nothing.
 * boot_memory_free() in any case. */
bool boot_memory_read(struct boot_memory *m, const struct device_config *config,
                      const char *boot_id);

/* Stores both, in state-dir or, if that cannot be written, beside the lock file. False if neither
 * is possible, or boot_id is "". */
bool boot_memory_store(const struct boot_memory *m, const struct device_config *config,
                       const char *boot_id);
void boot_memory_free(struct boot_memory *m);

#endif
