/*
 * Sources whose connections keep ending without a login are turned away for a while that doubles
 * with each further one, up to max-penalty. A login, or time without failures, clears them. The
 * book has a fixed size: the rows of those that matter least are used again.
 */
#ifndef FWSSH_DEVICE_LISTEN_PENALTY_H
#define FWSSH_DEVICE_LISTEN_PENALTY_H

#include "device/listen/peer.h"

#define PENALTY_ROWS 128

struct penalty_row {
    char source[PEER_SOURCE_SIZE]; /* "" when it is free */
    double failures;               /* fades with time */
    double until;                  /* turned away so long (io_now()) */
};

struct penalty_book {
    struct penalty_row row[PENALTY_ROWS];
};

/* Seconds for which the source is still turned away; 0: it is not. */
double penalty_left(const struct penalty_book *book, const char *source, double now);

/* A connection of it has ended without a login. most: the longest penalty in seconds; 0: none. */
void penalty_failed(struct penalty_book *book, const char *source, int most, double now);

/* Somebody has logged in from there. */
void penalty_forgive(struct penalty_book *book, const char *source);

#endif
