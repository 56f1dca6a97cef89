/*
 * Sources whose connections keep ending without a login are turned away, for a time that doubles
 * with each further failure, up to max-penalty. A login clears the record; time without failures
 * does so gradually. The table has a fixed size: when it is full, the source with the fewest
 * failures is forgotten.
 */
#ifndef FWSSH_DEVICE_LISTEN_PENALTY_H
#define FWSSH_DEVICE_LISTEN_PENALTY_H

#include "device/listen/peer.h"

#define PENALTY_ROWS 128

struct penalty_row {
    char source[PEER_SOURCE_SIZE]; /* "" if the row is free */
    double failures;               /* decays over time */
    double until;                  /* turned away until then (io_now()) */
};

struct penalty_book {
    struct penalty_row row[PENALTY_ROWS];
};

/* Seconds for which the source is still turned away; 0 if it is not. */
double penalty_left(const struct penalty_book *book, const char *source, double now);

/* Counts a connection from source that has ended without a login. most: the longest penalty in
 * seconds; 0: no penalties. */
void penalty_failed(struct penalty_book *book, const char *source, int most, double now);

/* Clears the record of a source from which somebody has logged in. */
void penalty_forgive(struct penalty_book *book, const char *source);

#endif
