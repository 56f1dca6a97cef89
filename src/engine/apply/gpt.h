/* SPDX-License-Identifier: Apache-2.0 */
/* Encodes GUID partition tables (UEFI 5.3; docs/fw-format.md, "GPT"). */
#ifndef FWSSH_ENGINE_APPLY_GPT_H
#define FWSSH_ENGINE_APPLY_GPT_H

#include "engine/archive/gpt_table.h"

#define GPT_TABLE_BLOCKS 32u
#define GPT_PRIMARY_BLOCKS (2 + GPT_TABLE_BLOCKS) /* protective MBR, header, table */
#define GPT_BACKUP_BLOCKS (GPT_TABLE_BLOCKS + 1)  /* table, header */

/* Blocks needed by the table's partitions and both copies of the table. */
uint64_t gpt_blocks_needed(const struct gpt_table *table);

/* Blocks of the disk that the table is for: an image may grow, and a device is large enough, or the
 * plan would have been refused. */
uint64_t gpt_disk_blocks(const struct gpt_table *table, uint64_t medium_blocks);

/* Resolves expand=true for a device of that many blocks. */
void gpt_expand(struct gpt_table *table, uint64_t blocks);

/* Encodes an expanded table for a device of that many blocks: GPT_PRIMARY_BLOCKS blocks for its
 * start, GPT_BACKUP_BLOCKS for its end. */
void gpt_encode(const struct gpt_table *table, uint64_t blocks, uint8_t *primary, uint8_t *backup);

#endif
