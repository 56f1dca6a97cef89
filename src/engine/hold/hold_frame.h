/* SPDX-License-Identifier: Apache-2.0 */
/* Frames from the host: the bytes that the device lacks, in the order of the stream. */
#ifndef FWSSH_ENGINE_HOLD_HOLD_FRAME_H
#define FWSSH_ENGINE_HOLD_HOLD_FRAME_H

#include "engine/chunks/chunk_frame.h"
#include "engine/hold/hold.h"

struct hold_frames {
    struct hold *h;
    struct chunk_unpacker *unpacker;
    struct buffer waiting; /* whole records that have come and are not unpacked yet */
    size_t waiting_at;
    size_t owed;  /* bytes of their bodies, which the host has not been granted again */
    uint8_t *out; /* of the last frame; owned, as last */
    size_t out_len, out_at;
    uint8_t *scratch[3]; /* steps, changes, literals of a frame with a base; owned */
    uint8_t *window;     /* of the base; owned */
};

void hold_frames_open(struct hold_frames *f, struct hold *h);
void hold_frames_close(struct hold_frames *f);

/* Takes over a frame that has come. 0, or -1 with the error set if the host sends more than it was
 * granted. */
int hold_frames_put(struct hold_frames *f, const struct assembly_record *record, struct error *err);

/* Reads up to len of the next bytes: the count, 0 if the host has to send first, -1 with the error
 * set. Bytes whose base has changed are wrong: the group's hash tells. */
ssize_t hold_frames_take(struct hold_frames *f, uint8_t *to, size_t len, struct error *err);

/* Whether nothing is left of what has come. */
bool hold_frames_are_used_up(const struct hold_frames *f);

/* Unpacks a fill for a group of len bytes: true if it fits. */
bool hold_frames_unpack(struct hold_frames *f, struct chunk_bytes frame, uint8_t *to, size_t len);

#endif
