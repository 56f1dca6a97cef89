/* SPDX-License-Identifier: Apache-2.0 */
/* A ZIP stream: every entry, to its end or up to a limit. */
#include "fuzz.h"

#include "engine/archive/zip_reader.h"

#define OUTPUT_MAX (4u << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct source_bytes bytes = {.data = data, .left = size};
    struct zip_reader *r = zip_reader_new(source_from_bytes(&bytes));
    struct zip_entry entry;
    struct error err;
    uint8_t piece[4096];
    size_t total = 0;

    while (total < OUTPUT_MAX && zip_reader_next(r, &entry, &err) > 0) {
        ssize_t n;
        while (total < OUTPUT_MAX && (n = zip_reader_read(r, piece, sizeof piece, &err)) > 0)
            total += (size_t)n;
        total += 64;
    }
    zip_reader_free(r);
    return 0;
}
