/* SPDX-License-Identifier: Apache-2.0 */
/* A range of the medium, given in blocks of 512 bytes as in a firmware configuration. */
#ifndef FWSSH_ENGINE_MEDIUM_BLOCK_RANGE_H
#define FWSSH_ENGINE_MEDIUM_BLOCK_RANGE_H

#include "base/error.h"

#include <stdint.h>

struct block_range {
    uint64_t offset, len; /* bytes */
};

/* Converts an offset and a count of blocks. EXIT_MISMATCH if the range does not fit in 63 bits. */
int block_range_set(struct block_range *range, uint64_t block, uint64_t count, struct error *err);

#endif
