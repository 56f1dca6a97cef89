/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/medium/block_range.h"

#include "engine/medium/block_cache.h"

int block_range_set(struct block_range *range, uint64_t block, uint64_t count, struct error *err)
{
    if (__builtin_mul_overflow(block, (uint64_t)BLOCK_SIZE, &range->offset) ||
        __builtin_mul_overflow(count, (uint64_t)BLOCK_SIZE, &range->len) ||
        range->offset > INT64_MAX - range->len || range->len > INT64_MAX)
        return error_set(err, EXIT_MISMATCH, "block offset %llu and count %llu are out of range",
                         (unsigned long long)block, (unsigned long long)count);
    return 0;
}
