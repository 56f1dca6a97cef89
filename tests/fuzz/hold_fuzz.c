/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A host's whole conversation with fwssh-hold: questions about a small device, then the update that
 * is put together. The first byte of the input says whether finest chunks are answered; the rest is
 * what the host sends.
 */
#include "fuzz.h"

#include "base/io.h"
#include "engine/chunks/chunk_index.h"
#include "engine/hold/hold.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define DEVICE_SIZE (2u << 20)

/* A file in memory that is read from its beginning. */
static int fuzz_file(const void *bytes, size_t size)
{
    int fd = memfd_create("fuzz", MFD_CLOEXEC);

    if (fd < 0 || io_write_all(fd, bytes, size) || lseek(fd, 0, SEEK_SET))
        abort();
    return fd;
}

/* The same content as tests/fuzz/hold_seeds.py makes. The caller closes it. */
static int fuzz_device(void)
{
    static int fd = -1;
    uint8_t *bytes;
    uint32_t x = 1;

    if (fd >= 0)
        return dup(fd);
    bytes = calloc(1, DEVICE_SIZE);
    for (size_t i = 4096; i < 4096 + 65536; i++) {
        x = x * 1664525u + 1013904223u;
        bytes[i] = (uint8_t)(x >> 24);
    }
    fd = fuzz_file(bytes, DEVICE_SIZE);
    free(bytes);
    return dup(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!size)
        return 0;
    struct hold_options options = {
        .device = "", .task = "upgrade", .idle_timeout = 1, .uid = -1, .finest = data[0] & 1};
    int in = fuzz_file(data + 1, size - 1), nowhere = open("/dev/null", O_RDWR | O_CLOEXEC);
    struct hold h = {.options = &options,
                     .index = chunk_index_new(),
                     .sources = {.device = fuzz_device()},
                     .link = {.in = in,
                              .out = nowhere,
                              .feed = dup(nowhere),
                              .text = -1,
                              .word = nowhere,
                              .exact = true,
                              .host_needed = true,
                              .idle_timeout = 1,
                              .heard = io_now()}};
    struct error err;

    if (hold_converse(&h, &err) && !h.link.host_needed)
        __builtin_trap(); /* everything was there, and it failed all the same */
    close(in);            /* the link does not own it */
    hold_close(&h);
    return 0;
}
