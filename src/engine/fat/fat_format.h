/* SPDX-License-Identifier: Apache-2.0 */
/* Creates empty FAT file systems (docs/fw-format.md, "FAT"). */
#ifndef FWSSH_ENGINE_FAT_FAT_FORMAT_H
#define FWSSH_ENGINE_FAT_FAT_FORMAT_H

#include "engine/medium/block_cache.h"

/* Formats count blocks at a byte offset: clusters of one sector, two tables, the type chosen by
 * size. The same count always gives the same bytes. EXIT_FAILED if no type fits the count. */
int fat_format(struct block_cache *cache, uint64_t offset, uint64_t count, struct error *err);

#endif
