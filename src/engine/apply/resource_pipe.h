/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Handles a large resource in parallel stages: the caller reads and inflates, one thread hashes,
 * one writes. Slots of 1 MiB circulate between them, so memory is bounded and the slowest stage
 * holds up the others.
 */
#ifndef FWSSH_ENGINE_APPLY_RESOURCE_PIPE_H
#define FWSSH_ENGINE_APPLY_RESOURCE_PIPE_H

#include "engine/apply/resource_stream.h"

#define RESOURCE_SLOT_SIZE (1u << 20)

struct resource_pipe;

struct resource_slot {
    uint64_t at; /* in the file */
    size_t len;
    uint64_t units; /* of progress */
    uint64_t in;    /* bytes read from the archive so far */
    uint8_t *data;  /* RESOURCE_SLOT_SIZE */
};

/*
 * Hashes into hash and calls take, each in a thread of its own, for every slot in order. hash,
 * report and data belong to these threads until resource_pipe_end(). NULL if threads cannot be
 * started.
 */
struct resource_pipe *resource_pipe_start(struct hash *hash, struct report *report,
                                          resource_stream_take take, void *data);

/* Waits for a free slot, which the caller then fills; NULL if writing has failed. */
struct resource_slot *resource_pipe_slot(struct resource_pipe *p);

/* Passes the filled slot to both threads. */
void resource_pipe_pass(struct resource_pipe *p);

/* Waits until all slots are hashed and written; -1 with the error of writing. Frees p. */
int resource_pipe_end(struct resource_pipe *p, struct error *err);

#endif
