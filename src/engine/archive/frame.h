/*
 * The framed streams of fwup's --framing (docs/fw-format.md, "Framing"): input as packets of a
 * big-endian length and bytes, ended by a length of zero; output as packets of length, type, code
 * and payload.
 */
#ifndef FWSSH_ENGINE_ARCHIVE_FRAME_H
#define FWSSH_ENGINE_ARCHIVE_FRAME_H

#include "base/source.h"

#include <stdbool.h>
#include <stdint.h>

struct frame_reader {
    struct source inner;
    uint32_t left; /* of the present packet */
    bool ended;
};

/* A source of the bytes inside the packets. The reader stays the caller's. A missing end is an
 * error. */
struct source frame_reader_open(struct frame_reader *r, struct source inner);

/* One packet: type is two letters ("OK", "ER", "WN", "PR"). 0, or -1 with errno. */
int frame_write(int fd, const char *type, uint16_t code, const void *payload, size_t len);

#endif
