/*
 * The stages of a large resource beside each other: the caller reads and inflates, one thread
 * hashes, one writes. Slots of 1 MiB go round between them, so memory is bounded, and what is slow
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
 * Hashes into hash and calls take, each in a thread of its own, for every slot in order. What they
 * use belongs to them until resource_pipe_end(). NULL if there can be no threads.
 */
struct resource_pipe *resource_pipe_start(struct hash *hash, struct report *report,
                                          resource_stream_take take, void *data);

/* Waits for an empty slot to fill; NULL when writing has failed. */
struct resource_slot *resource_pipe_slot(struct resource_pipe *p);

/* Hands the slot on. */
void resource_pipe_pass(struct resource_pipe *p);

/* Waits until all slots are hashed and written; -1 with the error of writing. Frees p. */
int resource_pipe_end(struct resource_pipe *p, struct error *err);

#endif
