/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sources whose connections keep ending without a login get a penalty, for a time that doubles with
 * each further failure, up to max-penalty: only one of their connections at a time may log in
 * (admission.h), and the log has one line a minute for all of them. A login clears the record; time
 * without failures does so gradually. The table has a fixed size: when it is full, the source with
 * the fewest failures is forgotten.
 */
#ifndef FWSSH_DEVICE_LISTEN_PENALTY_H
#define FWSSH_DEVICE_LISTEN_PENALTY_H

#include "device/listen/peer.h"

#include <stdbool.h>

#define PENALTY_ROWS 128

struct penalty_row {
    char source[PEER_SOURCE_SIZE]; /* "" if the row is free */
    double failures;               /* decays over time */
    double until;                  /* the penalty's end (io_now()) */
    double served_at;              /* when one of its connections was last served */
    double told_at;                /* when the log last mentioned it */
    unsigned silent;               /* connections since then that have no line of their own */
};

struct penalty_book {
    struct penalty_row row[PENALTY_ROWS];
};

/* What a connection counts that has offered a key, and one that has not: a monitor that looks
 * whether the port is open, or a scan of host keys, guesses nothing. */
#define PENALTY_COST_KEY 1.0
#define PENALTY_COST_NONE 0.05

/* Seconds that are left of the source's penalty; 0: it has none. */
double penalty_left(const struct penalty_book *book, const char *source, double now);

/* Counts a connection from source that has ended without a login. most: the longest penalty in
 * seconds; 0: no penalties. */
void penalty_failed(struct penalty_book *book, const char *source, double cost, int most,
                    double now);

/* Whether a connection of a source with a penalty may be served now, if no other one is: a few each
 * second. penalty_serve() counts one. */
bool penalty_may_serve(const struct penalty_book *book, const char *source, double now);
void penalty_serve(struct penalty_book *book, const char *source, double now);

/* Counts a connection that gets no line of its own in the log. */
void penalty_hush(struct penalty_book *book, const char *source);

/* Calls tell() for each source with such connections that was not mentioned for a minute. */
void penalty_report(struct penalty_book *book, double now,
                    void (*tell)(void *data, const char *source, unsigned count), void *data);

/* Clears the record of a source from which somebody has logged in. */
void penalty_forgive(struct penalty_book *book, const char *source);

#endif
