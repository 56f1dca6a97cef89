/* SPDX-License-Identifier: Apache-2.0 */
/* A push that sends only what the device lacks (PROTOCOL.md, "assemble"). */
#ifndef FWSSH_HOST_ADAPTIVE_ADAPTIVE_H
#define FWSSH_HOST_ADAPTIVE_ADAPTIVE_H

#include "host/adaptive/firmware_stream.h"
#include "host/remote/transfer.h"
#include "wire/facts.h"

enum adaptive_mode { ADAPTIVE_AUTO, ADAPTIVE_NEVER, ADAPTIVE_ALWAYS };

struct adaptive_options {
    enum adaptive_mode mode;
    const char *base;   /* an older firmware, or NULL: from the cache */
    uint64_t max_bytes; /* in both directions; 0: no limit */
    bool dry_run;       /* only find out what would be sent */
};

/* How it went. */
enum adaptive_ending {
    ADAPTIVE_RAN,      /* the transfer has the outcome, as of a plain push */
    ADAPTIVE_CANNOT,   /* the device does not do it, and nothing was sent */
    ADAPTIVE_SAME,     /* it runs the firmware already; nothing was sent */
    ADAPTIVE_REFUSED,  /* the firmware does not fit what the device says; nothing was sent */
    ADAPTIVE_DRY,      /* a dry run */
    ADAPTIVE_TOO_MUCH, /* max_bytes do not suffice; nothing was activated */
};

struct adaptive {
    const struct adaptive_options *options;
    double rate; /* bytes a second that went to the device in an earlier push; 0: not known */
    struct firmware_stream *firmware; /* of the transfer's firmware; read here if it has no bytes */
    /* Opens a firmware that the device may hold, by the UUID that it runs: a descriptor, or -1. May
     * be NULL. */
    int (*find_base)(void *data, const char *uuid);
    void *find_data;
    const char *runs; /* the UUID that it probably runs; "": not known */
    /* Decides from the device's facts: ADAPTIVE_RAN to go on, ADAPTIVE_SAME or ADAPTIVE_REFUSED. */
    enum adaptive_ending (*judge)(void *data, const struct facts *facts);
    void *judge_data;

    enum adaptive_ending ending;
    double began;         /* io_now() when the whole firmware began to be sent */
    bool answered;        /* the device knows the request */
    uint64_t bytes;       /* both directions, without SSH's own */
    uint64_t missing;     /* bytes of the stream that were sent */
    uint64_t expected;    /* bytes that a dry run would have sent */
    bool too_slow;        /* the device takes longer to look at what it holds than sending does */
    bool whole, has_base; /* the archive was sent; a base was used */
};

/* Runs the push; t is set up as for transfer_run(), with a header that asks to assemble. Returns 0
 * with the ending set, or -1 with the error set; transfer_free() in any case. */
int adaptive_run(struct adaptive *a, struct transfer *t, const struct ssh_call *call,
                 struct error *err);

#endif
