/* SPDX-License-Identifier: Apache-2.0 */
/* An mbr section, parsed and checked (docs/fw-format.md, "MBR"); apply/mbr.h encodes it. */
#ifndef FWSSH_ENGINE_ARCHIVE_MBR_TABLE_H
#define FWSSH_ENGINE_ARCHIVE_MBR_TABLE_H

#include "base/error.h"
#include "base/mbr_entry.h"

#include <confuse.h>
#include <stdbool.h>
#include <stdint.h>

#define MBR_BOOTSTRAP_SIZE 440
#define MBR_PARTITIONS 12 /* 0 to 3, then logical ones inside partition 3 */
#define MBR_OSII_MAX 16

struct mbr_partition {
    bool present, boot, expand;
    uint8_t type;
    uint32_t offset, count; /* blocks of 512 bytes */
};

struct mbr_osii {
    uint16_t major, minor;
    uint32_t start, load, entry, blocks;
    uint8_t attribute;
};

struct mbr_table {
    bool has_bootstrap, has_osip;
    uint8_t bootstrap[MBR_BOOTSTRAP_SIZE];
    uint32_t signature;
    struct mbr_partition partition[MBR_PARTITIONS];
    uint8_t osip_major, osip_minor, osip_pointers;
    int osii_count; /* the highest index + 1 */
    struct mbr_osii osii[MBR_OSII_MAX];
};

/* Parses an mbr section and checks it. 0, or -1 with the error set. */
int mbr_table_read(cfg_t *section, struct mbr_table *table, struct error *err);

#endif
