/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fwssh-hold: says what a device holds of a firmware, puts the firmware together from that and
 * from what the host sends, and hands it on as a stream (PROTOCOL.md, "assemble"). It writes
 * nothing: the updater behind the stream checks and writes as always.
 */
#ifndef FWSSH_ENGINE_HOLD_HOLD_H
#define FWSSH_ENGINE_HOLD_HOLD_H

#include "engine/hold/hold_link.h"
#include "engine/hold/hold_pieces.h"

#define HOLD_BASES_MAX 4

struct hold_options {
    const char *device;
    const char *task;
    const char *source[HOLD_GIVEN_MAX]; /* what is looked at besides, whatever the firmware says */
    size_t sources;
    struct public_keys keys;
    int idle_timeout;
    int uid;     /* to become, if started as root; -1: none */
    bool finest; /* answer questions for the finest chunks */
};

/* A group of the stream, as it was announced. */
struct hold_group {
    uint64_t at, hash;
    uint32_t len;
};

struct hold {
    const struct hold_options *options;
    struct hold_link link;
    struct hold_sources sources;
    int given_fd[HOLD_GIVEN_MAX]; /* the given ones, opened */
    size_t given;
    struct chunk_index *index; /* until the questions are over */
    uint8_t *start;            /* owned; the beginning of the stream */
    size_t start_len;

    uint64_t size;            /* of the stream */
    struct hold_group *group; /* owned */
    size_t groups;
    struct hold_pieces stream;
    struct hold_pieces base[HOLD_BASES_MAX];
    size_t bases, bases_announced;
    size_t looked_at; /* sources that have been indexed, counted from the first */
    unsigned asked;   /* a bit for each level of questions that has been asked */
    double told;      /* when progress was last said (io_now()) */
    uint64_t indexed;
    struct error error; /* of what was said while indexing */
};

/* Runs the conversation to its end. Returns the exit status; the reason for a failure has been said
 * to the program that started it. */
int hold_run(const struct hold_options *options);

/* Says why it cannot be run at all to the program that started it, if one did. */
void hold_refuse(const struct error *why);

/* Answers, and then assembles if the host wants it: what hold_run() does between opening and
 * closing. Returns 0, or -1 with the error set. */
int hold_converse(struct hold *h, struct error *err);

/* Releases everything, in any case. */
void hold_close(struct hold *h);

/* hold_answer.c: serves questions until the host says what it wants: HOLD_NONE, HOLD_GO or
 * HOLD_WHOLE. Returns 0, or -1 with the error set. */
int hold_answer(struct hold *h, struct hold_word *wish, struct error *err);

/* hold_assemble.c: puts the stream together and feeds it. Returns 0 when all of it has been fed (or
 * the updater reads no more), or -1 with the error set. */
int hold_assemble(struct hold *h, struct error *err);

#endif
