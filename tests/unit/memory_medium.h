/* SPDX-License-Identifier: Apache-2.0 */
/* A medium in memory that records the order of writes and flushes, and can fail. */
#ifndef FWSSH_TESTS_UNIT_MEMORY_MEDIUM_H
#define FWSSH_TESTS_UNIT_MEMORY_MEDIUM_H

#include "engine/medium/medium.h"

#define MEMORY_MEDIUM_SIZE (4u << 20)
#define MEMORY_MEDIUM_EVENTS 256

struct memory_medium {
    struct medium medium;
    uint8_t bytes[MEMORY_MEDIUM_SIZE];
    struct {
        char what; /* w write, f flush, d discard */
        uint64_t offset, len;
    } event[MEMORY_MEDIUM_EVENTS];
    int events;
    uint64_t read_bytes;
    int fail_write_after; /* that many writes succeed; -1: all */
    bool corrupt;         /* writes store something other than the data */
};

void memory_medium_init(struct memory_medium *m, uint64_t hard_end);

#endif
