/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/chunks/chunk_place.h"

size_t chunk_place_find(const void *items, size_t count, size_t size, uint64_t at)
{
    const char *item = items;
    size_t low = 0, high = count;

    while (high - low > 1) {
        size_t middle = (low + high) / 2;
        if (*(const uint64_t *)(const void *)(item + middle * size) <= at)
            low = middle;
        else
            high = middle;
    }
    return low;
}
