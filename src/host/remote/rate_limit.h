/* SPDX-License-Identifier: Apache-2.0 */
/*
 * No more bytes in a time than allowed, for one device or for all that are pushed to at once. Each
 * write takes its share of time; the next one may begin when that is over.
 */
#ifndef FWSSH_HOST_REMOTE_RATE_LIMIT_H
#define FWSSH_HOST_REMOTE_RATE_LIMIT_H

#include "base/error.h"

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

struct rate_limit {
    uint64_t rate;          /* bytes a second; 0: no limit */
    _Atomic uint64_t until; /* nanoseconds of io_now(): so far the time has been taken */
};

/* In memory that is shared with child processes. NULL with the error set; release with
 * rate_limit_free_shared(). */
struct rate_limit *rate_limit_new_shared(uint64_t rate, struct error *err);
void rate_limit_free_shared(struct rate_limit *r);

/* Seconds until something may be written; 0: now. r may be NULL. */
double rate_limit_wait(struct rate_limit *r);

/* How many of len bytes to write at once: a tenth of a second's, so that nobody waits long. */
size_t rate_limit_piece(const struct rate_limit *r, size_t len);

/* Takes the time for bytes that were written. r may be NULL. */
void rate_limit_take(struct rate_limit *r, size_t len);

#endif
