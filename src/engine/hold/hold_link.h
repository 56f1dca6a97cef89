/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The conversation of fwssh-hold: records from the host and to it, text of the updater that goes
 * along, the stream for the updater. One loop serves them all, so that neither side ever waits for
 * the other to read.
 */
#ifndef FWSSH_ENGINE_HOLD_HOLD_LINK_H
#define FWSSH_ENGINE_HOLD_HOLD_LINK_H

#include "base/buffer.h"
#include "base/error.h"
#include "engine/hold/hold_text.h"
#include "wire/assembly.h"
#include "wire/hold_word.h"

#include <stdbool.h>
#include <sys/types.h>

/* Descriptors of the program. */
enum {
    HOLD_FD_IN,   /* from the host */
    HOLD_FD_OUT,  /* to the host */
    HOLD_FD_LOG,  /* standard error */
    HOLD_FD_FEED, /* the stream, to the updater */
    HOLD_FD_TEXT, /* what the device says, for the host */
    HOLD_FD_WORD, /* words for the program that started it */
};

struct hold_link {
    int in, out, feed, text, word; /* -1 when closed */
    struct buffer got;             /* read, and not looked at */
    struct buffer queue;           /* to be written to the host */
    struct buffer taken;           /* the body of the last record */
    struct hold_text bar;          /* of the updater's text, what waits to be sent */
    bool exact;                    /* nothing is read past a record: other bytes may follow it */
    bool host_gone;
    bool host_needed; /* its loss is an error */
    int idle_timeout; /* seconds that the host may be silent while it owes something */
    double heard;     /* when it last sent something (io_now()) */
};

void hold_link_open(struct hold_link *l, int idle_timeout);
void hold_link_close(struct hold_link *l);

/* What hold_link_wait() has found. */
struct hold_event {
    bool feedable; /* the updater takes more */
    bool deaf;     /* it reads no more */
};

/*
 * Serves everybody once. until: io_now() when to return at the latest; owed: the host owes
 * something, so it may not be silent for ever; feeds: there is something for the updater. Returns
 * 0, or -1 with the error set.
 */
int hold_link_serve(struct hold_link *l, bool owed, bool feeds, double until,
                    struct hold_event *event, struct error *err);

/* The next record that has come: 1, 0 if there is none now, -1 with the error set. It is valid
 * until the next call. */
int hold_link_take(struct hold_link *l, struct assembly_record *record, struct error *err);

/* Whether a record of this type has come that has not been taken. */
bool hold_link_has(const struct hold_link *l, enum assembly_type type);

/* The next record, waited for. 0, or -1 with the error set. */
int hold_link_await(struct hold_link *l, struct assembly_record *record, struct error *err);

/* Writes as much as the updater takes; the count, or -1 if it reads no more. */
ssize_t hold_link_feed(struct hold_link *l, const void *bytes, size_t len);

void hold_link_say(struct hold_link *l, const struct hold_word *word);

/* Relays the rest of the text and writes everything that waits, as long as the host reads it. */
void hold_link_finish(struct hold_link *l);

/* For a record that does not fit; returns -1. */
int hold_link_bad(struct error *err, const char *what);

#endif
