/* SPDX-License-Identifier: Apache-2.0 */
/* An older firmware that the host has and the device may hold: what has changed since then can be
 * sent as differences. */
#ifndef FWSSH_HOST_ADAPTIVE_ADAPTIVE_BASE_H
#define FWSSH_HOST_ADAPTIVE_ADAPTIVE_BASE_H

#include "base/buffer.h"
#include "engine/chunks/chunk_diff.h"
#include "host/adaptive/firmware_stream.h"

#include <stdbool.h>

#define ADAPTIVE_BASE_NONE SIZE_MAX

struct adaptive_base {
    struct firmware_stream stream;
    size_t *same; /* for each group: the equal one of the firmware, or ADAPTIVE_BASE_NONE; owned */
    struct chunk_diff *diff; /* for differences from it; owned */
    bool used;               /* the device holds most of what only the base has */
};

/* Reads the base from a file. One that cannot be read is empty: it has no groups, and is not used.
 * adaptive_base_close() in any case. */
void adaptive_base_open(struct adaptive_base *b, int fd);
void adaptive_base_close(struct adaptive_base *b);

/* Finds what it has in common with the firmware that is pushed, before all below. */
void adaptive_base_compare(struct adaptive_base *b, const struct firmware_stream *firmware);

/* Appends the record that describes it. */
void adaptive_base_print(const struct adaptive_base *b, struct buffer *out);

/* Takes the device's answer: which groups it holds. What it does not hold counts as zeros on both
 * sides. */
void adaptive_base_judge(struct adaptive_base *b, const uint8_t *held);

/* Appends a list of parts, as the records for the firmware and a base have it. */
void adaptive_print_parts(const struct stored_stream *s, struct buffer *out);

/* Prepares for differences from the base: before the device's answer, for which there is time. What
 * it does not hold is found, but does not match. */
void adaptive_base_prepare(struct adaptive_base *b);

#endif
