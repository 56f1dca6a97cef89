/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a device says while an update is put together, as the host takes it: in pieces whose length
 * the first byte of the input gives; the second one is how many elements a question had.
 */
#include "fuzz.h"

#include "host/adaptive/adaptive_dialog.h"

#include <stdlib.h>
#include <string.h>

static void fuzz_answers(struct adaptive_dialog *d, size_t count)
{
    static const enum assembly_type levels[] = {ASSEMBLY_LIST, ASSEMBLY_BASE, ASSEMBLY_CHUNKS,
                                                ASSEMBLY_FINE};
    struct assembly_record record;
    struct error err;

    for (size_t i = 0; d->answer.len; i++) {
        uint64_t candidates;
        uint8_t *yes;
        size_t before = d->answer.len;
        if (assembly_next(d->answer.data, d->answer.len, &record) <= 0)
            __builtin_trap();
        d->got_bytes = 0;
        if (adaptive_dialog_await_answer(d, levels[i % 4], count, &yes, &candidates, &err) > 0)
            for (size_t k = 0; k < count; k++)
                if (yes[k] > 1)
                    __builtin_trap();
        if (d->answer.len >= before)
            __builtin_trap();
        free(yes);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct console console = {.mode = CONSOLE_PLAIN};
    struct transfer t = {.console = &console, .ssh = {.in = -1, .out = {-1, -1}}};
    struct adaptive_dialog d;
    struct buffer text = {0};

    if (size < 2)
        return 0;
    size_t piece = data[0] + 1u, count = data[1];
    adaptive_dialog_open(&d, &t);
    d.in_flight = 100000;
    for (size_t at = 2; at < size; at += piece)
        t.ssh.decode(t.ssh.decode_data, (const char *)data + at,
                     size - at < piece ? size - at : piece, &text);
    if (d.in_flight > 100000 || (d.lates && !d.late))
        __builtin_trap();
    fuzz_answers(&d, count);
    buffer_free(&text);
    adaptive_dialog_close(&d);
    return 0;
}
