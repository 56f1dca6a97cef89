/* SPDX-License-Identifier: Apache-2.0 */
/* A delta against a source of 64 KiB. */
#include "fuzz.h"

#include "engine/delta/vcdiff.h"

#define OUTPUT_MAX (1u << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct fuzz_medium medium;
    struct source_bytes bytes = {.data = data, .left = size};
    struct block_cache_options options = {0};
    struct fat_extent extent = {.offset = 4096, .len = 65536};
    uint8_t piece[65536];
    struct error err;

    fuzz_medium_init(&medium, data, size);
    struct block_cache *cache = block_cache_new(&medium.medium, &options);
    struct delta_source source = {.cache = cache, .extents = &extent, .count = 1, .size = 65536};
    struct vcdiff *d = vcdiff_new(source_from_bytes(&bytes), &source, OUTPUT_MAX);
    while (vcdiff_read(d, piece, sizeof piece, &err) > 0)
        ;
    vcdiff_free(d);
    block_cache_free(cache);
    bytes = (struct source_bytes){.data = data, .left = size};
    (void)vcdiff_check(source_from_bytes(&bytes), OUTPUT_MAX, &err);
    return 0;
}
