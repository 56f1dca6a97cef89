/* An empty FAT file system (docs/fw-format.md, "FAT"). */
#ifndef FWSSH_ENGINE_FAT_FAT_FORMAT_H
#define FWSSH_ENGINE_FAT_FAT_FORMAT_H

#include "engine/medium/block_cache.h"

/*
 * Formats count blocks at a byte offset: clusters of one sector, two tables, the kind by the size.
 * The same count always gives the same bytes. EXIT_FAILED for a count that no kind fits.
 */
int fat_format(struct block_cache *cache, uint64_t offset, uint64_t count, struct error *err);

#endif
