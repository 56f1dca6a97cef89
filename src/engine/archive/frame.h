/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The framed streams of fwup's --framing (docs/fw-format.md, "Framing"). Input: packets of a
 * big-endian length and that many bytes; a length of zero ends it. Output: packets of length, type,
 * code and payload.
 */
#ifndef FWSSH_ENGINE_ARCHIVE_FRAME_H
#define FWSSH_ENGINE_ARCHIVE_FRAME_H

#include "base/source.h"

#include <stdbool.h>
#include <stdint.h>

struct frame_reader {
    struct source inner;
    uint32_t left; /* of the current packet */
    bool ended;
};

/* A source of the packets' contents; the caller keeps r. Input that ends without a packet of length
 * zero is an error. */
struct source frame_reader_open(struct frame_reader *r, struct source inner);

/* Writes one packet. type: two letters ("OK", "ER", "WN", "PR"). 0, or -1 with errno set. */
int frame_write(int fd, const char *type, uint16_t code, const void *payload, size_t len);

#endif
