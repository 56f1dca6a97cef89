/* SPDX-License-Identifier: Apache-2.0 */
/* Encodes master boot records and extended boot records (docs/fw-format.md, "MBR"). */
#ifndef FWSSH_ENGINE_APPLY_MBR_H
#define FWSSH_ENGINE_APPLY_MBR_H

#include "engine/archive/mbr_table.h"

#define MBR_EBR_MAX (MBR_PARTITIONS - MBR_PRIMARIES)

/* Resolves expand=true for a device of that many blocks (0: unknown). */
void mbr_expand(struct mbr_table *table, uint64_t device_blocks);

/* Encodes block 0 of an expanded table. */
void mbr_encode(const struct mbr_table *table, uint8_t block[MBR_SIZE]);

/* Encodes the extended boot records in order; the k-th belongs at block partition[3].offset + k.
 * Returns their number. */
int mbr_encode_ebrs(const struct mbr_table *table, uint8_t blocks[MBR_EBR_MAX][MBR_SIZE]);

#endif
