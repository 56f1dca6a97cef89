/* SPDX-License-Identifier: Apache-2.0 */
/*
 * New bytes as copies from old ones with differences, and literals: what changes in a program that
 * is built anew are mostly addresses, whose differences compress well (PROTOCOL.md, "Frames with a
 * base").
 */
#ifndef FWSSH_ENGINE_CHUNKS_CHUNK_DIFF_H
#define FWSSH_ENGINE_CHUNKS_CHUNK_DIFF_H

#include "base/buffer.h"
#include "engine/chunks/chunk_frame.h"
#include "wire/assembly.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Finds places in old bytes. */
struct chunk_diff;

/* covered: how many of the old bytes will be added. The caller keeps them. */
struct chunk_diff *chunk_diff_new(struct chunk_bytes old, uint64_t covered);
void chunk_diff_free(struct chunk_diff *d);

/* Makes the old bytes in a range known. */
void chunk_diff_add(struct chunk_diff *d, uint64_t from, uint64_t to);

struct chunk_steps {
    struct buffer steps;    /* struct chunk_step, one after the other */
    struct buffer changes;  /* what to add to each byte that is copied */
    struct buffer literals; /* new bytes */
    uint64_t low, high;     /* what the copies span; low > high if there are none */
    uint64_t first;         /* where the first copy begins */
};

/* Makes steps that turn the old bytes into these; chunk_steps_free(). */
void chunk_diff_make(const struct chunk_diff *d, struct chunk_bytes bytes, struct chunk_steps *s);
void chunk_steps_free(struct chunk_steps *s);

/* A step: go on in the old bytes by move from where the last copy ended, copy, then take literals.
 */
struct chunk_step {
    uint64_t copy, literals;
    int64_t move;
};

/* Reads the next step. False at the end, or if body is bad. */
bool chunk_step_next(struct assembly_body *body, struct chunk_step *step);

#endif
