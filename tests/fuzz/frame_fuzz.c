/* SPDX-License-Identifier: Apache-2.0 */
/* A framed stream. */
#include "fuzz.h"

#include "engine/archive/frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct source_bytes bytes = {.data = data, .left = size};
    struct frame_reader reader;
    struct source framed = frame_reader_open(&reader, source_from_bytes(&bytes));
    uint8_t piece[777];
    struct error err;

    while (framed.read(framed.data, piece, sizeof piece, &err) > 0)
        ;
    return 0;
}
