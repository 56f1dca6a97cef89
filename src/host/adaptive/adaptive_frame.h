/* SPDX-License-Identifier: Apache-2.0 */
/* Makes the frames of what a device lacks, one after the other, so that little waits in memory. */
#ifndef FWSSH_HOST_ADAPTIVE_ADAPTIVE_FRAME_H
#define FWSSH_HOST_ADAPTIVE_ADAPTIVE_FRAME_H

#include "host/adaptive/adaptive_base.h"
#include "host/adaptive/gap_list.h"

struct adaptive_frames {
    const struct firmware_stream *firmware;
    const struct adaptive_base *base; /* may be empty */
    const struct gap_list *gaps;
    struct chunk_packer *packer;
    size_t gap;     /* the next one */
    uint64_t skip;  /* bytes of it that are in frames */
    uint64_t place; /* in the firmware, where the last frame ends */
    int level, change_level;
    struct buffer raw, last; /* bytes of a frame, and of the one before */
};

/* All pointers are kept. */
void adaptive_frames_open(struct adaptive_frames *f);
void adaptive_frames_close(struct adaptive_frames *f);

/* Appends the record of the next frame. False if there is none. */
bool adaptive_frames_next(struct adaptive_frames *f, struct buffer *out);

/* Appends the record of a group that the device asks for. False if there is no such group. */
bool adaptive_frames_fill(struct adaptive_frames *f, uint64_t group, struct buffer *out);

#endif
