/* SPDX-License-Identifier: Apache-2.0 */
/* A byte string as pieces in order, each with its place on the device, or CHUNK_NOWHERE. */
#ifndef FWSSH_ENGINE_HOLD_HOLD_PIECES_H
#define FWSSH_ENGINE_HOLD_HOLD_PIECES_H

#include "engine/hold/hold_source.h"

struct hold_piece {
    uint64_t at, place;
    uint32_t len;
};

struct hold_pieces {
    struct hold_piece *item; /* owned */
    size_t count, room;
};

void hold_pieces_add(struct hold_pieces *p, uint64_t at, uint32_t len, uint64_t place);
void hold_pieces_free(struct hold_pieces *p);

/* Bytes that are nowhere. */
uint64_t hold_pieces_missing(const struct hold_pieces *p);

/* Reads a range; what is nowhere, or cannot be read, counts as zeros. False if it is not within the
 * string. */
bool hold_pieces_read(const struct hold_pieces *p, const struct hold_sources *sources, uint64_t at,
                      uint8_t *to, size_t len);

#endif
