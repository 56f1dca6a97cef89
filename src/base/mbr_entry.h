/* SPDX-License-Identifier: Apache-2.0 */
/* A partition entry of a master boot record (docs/fw-format.md, "MBR"). */
#ifndef FWSSH_BASE_MBR_ENTRY_H
#define FWSSH_BASE_MBR_ENTRY_H

#include <stdbool.h>
#include <stdint.h>

#define MBR_SIZE 512
#define MBR_PRIMARIES 4
#define MBR_TABLE 446 /* where the entries are in block 0 */
#define MBR_ENTRY 16  /* the size of one */
#define MBR_TYPE_GPT 0xee

struct mbr_entry {
    bool boot;             /* the active flag */
    uint8_t type;          /* 0: empty */
    uint32_t start, count; /* blocks of 512 bytes */
};

/* Encodes an entry at p. Of an empty one only start and count are written. */
void mbr_entry_put(uint8_t *p, const struct mbr_entry *entry);

/* Reads primary partition n (from 0) of a block 0; false if that has no boot signature. */
bool mbr_entry_read(const uint8_t block[MBR_SIZE], int n, struct mbr_entry *entry);

#endif
