/* SPDX-License-Identifier: Apache-2.0 */
/* The instructions of one VCDIFF window (RFC 3284, 5): default code table and address cache. */
#ifndef FWSSH_ENGINE_DELTA_VCDIFF_CODE_H
#define FWSSH_ENGINE_DELTA_VCDIFF_CODE_H

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

enum vcdiff_kind { VCDIFF_NONE, VCDIFF_ADD, VCDIFF_RUN, VCDIFF_COPY };

/* A section of a window, and how far it has been read. */
struct vcdiff_section {
    const uint8_t *at, *end;
};

#define VCDIFF_NEAR 4
#define VCDIFF_SAME (3 * 256)

/* The state of decoding in a window. Can be copied, to look ahead. */
struct vcdiff_cursor {
    struct vcdiff_section code, address, data;
    uint64_t source_size; /* of the window's source segment */
    uint32_t target_size, target_at;
    uint64_t near[VCDIFF_NEAR];
    uint64_t same[VCDIFF_SAME];
    unsigned near_next;
    int second; /* table index whose second instruction comes next, or -1 */
};

struct vcdiff_instruction {
    enum vcdiff_kind kind;
    uint32_t size;
    uint64_t address;    /* COPY: in source segment and target, as if joined */
    const uint8_t *data; /* ADD: size bytes, RUN: one */
};

/* Decodes and checks the next instruction: it stays within the target window, its data exists, and
 * its address is before the place it writes to. 1, 0 at the end, -1 with the error set. */
int vcdiff_code_next(struct vcdiff_cursor *c, struct vcdiff_instruction *instruction,
                     struct error *err);

/* An integer (RFC 3284, 2): seven bits per byte, most significant first. -1 if it is unterminated
 * or too large. */
int vcdiff_code_integer(struct vcdiff_section *s, uint64_t *value);

/* Sets the error of a damaged patch; returns -1. */
int vcdiff_damaged(struct error *err);

#endif
