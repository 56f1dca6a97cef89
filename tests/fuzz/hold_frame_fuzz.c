/* SPDX-License-Identifier: Apache-2.0 */
/* Frames from a host, with a base that the device holds in part: the input is a row of records. */
#include "fuzz.h"

#include "engine/hold/hold_frame.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BASE_START 4096

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t start[BASE_START];
    struct hold h = {.link = {.in = -1, .out = -1, .feed = -1, .text = -1, .word = -1}};
    struct assembly_record record;
    struct hold_frames f;
    uint8_t out[5000];
    struct error err;
    size_t at = 0;
    int rc = 0;

    memset(start, 'a', sizeof start);
    hold_sources_open(&h.sources, -1, start, sizeof start);
    hold_pieces_add(&h.base[0], 0, 3000, 1000);
    hold_pieces_add(&h.base[0], 3000, 1000, CHUNK_NOWHERE);
    hold_pieces_add(&h.base[0], 4000, 2000, 3000); /* half of it is not there */
    h.bases = data && size && data[0] == 'D';
    hold_frames_open(&f, &h);
    while (!rc && assembly_next(data + at, size - at, &record) > 0) {
        at += ASSEMBLY_HEAD + record.body.len;
        rc = hold_frames_put(&f, &record, &err);
        if (f.waiting.len > 2 * ASSEMBLY_CREDIT + ASSEMBLY_BODY_MAX + ASSEMBLY_HEAD)
            __builtin_trap();
        for (ssize_t n = 1; !rc && n > 0 && record.type == ASSEMBLY_FRAME_BASE;)
            if ((n = hold_frames_take(&f, out, sizeof out, &err)) < 0)
                rc = -1;
    }
    while (!rc && hold_frames_take(&f, out, sizeof out, &err) > 0)
        ;
    hold_frames_close(&f);
    hold_pieces_free(&h.base[0]);
    hold_sources_close(&h.sources);
    hold_link_close(&h.link);
    return 0;
}
