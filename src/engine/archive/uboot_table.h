/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The location of a U-Boot environment, from its section (docs/fw-format.md, "U-Boot environment").
 */
#ifndef FWSSH_ENGINE_ARCHIVE_UBOOT_TABLE_H
#define FWSSH_ENGINE_ARCHIVE_UBOOT_TABLE_H

#include "base/error.h"

#include <confuse.h>
#include <stdbool.h>
#include <stdint.h>

struct uboot_table {
    uint64_t offset[2]; /* bytes; the second is the redundant copy */
    uint32_t size;      /* bytes of one copy */
    bool redundant;
};

/* Parses a uboot-environment section and checks it. 0, or -1 with the error set. */
int uboot_table_read(cfg_t *section, struct uboot_table *table, struct error *err);

#endif
