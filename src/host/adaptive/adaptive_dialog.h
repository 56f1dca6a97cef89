/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The conversation of records with a device (wire/assembly.h): what comes is always read, also
 * while something is sent, so that neither side waits for the other.
 */
#ifndef FWSSH_HOST_ADAPTIVE_ADAPTIVE_DIALOG_H
#define FWSSH_HOST_ADAPTIVE_ADAPTIVE_DIALOG_H

#include "host/remote/transfer.h"
#include "wire/assembly.h"
#include "wire/facts.h"

struct adaptive_dialog {
    struct transfer *transfer;
    bool records;         /* the answer "ok" has come: what follows are records */
    bool bad;             /* the device sends what is no record */
    struct buffer line;   /* before that: a line that is not complete */
    struct buffer got;    /* bytes of a record that is not complete */
    struct buffer answer; /* bodies of answers that have come, as records */
    struct buffer out;    /* not written yet */
    size_t out_at;
    struct facts facts; /* of the device */
    bool has_facts;
    uint64_t in_flight; /* bytes of frames that the device has not used up */
    uint64_t sent, got_bytes;
    uint64_t needed; /* of what is sent, up to the last byte that the device needs; 0: not known */
    uint64_t max_bytes; /* of both, for the questions; 0: no limit */
    double asked;       /* when the question was asked that is open */
    double patience;    /* seconds in which the whole firmware could be sent; 0: not known */
    bool too_slow;      /* the device takes longer than that to look at what it holds */
    double heard;       /* when the device last sent something (io_now()) */
    uint64_t *late;     /* groups that the device asks for; owned */
    size_t lates, late_done;
};

/* Before the transfer starts: takes over what comes. The transfer must outlive it. */
void adaptive_dialog_open(struct adaptive_dialog *d, struct transfer *transfer);
void adaptive_dialog_close(struct adaptive_dialog *d);

/*
 * Waits for something to happen, and writes what waits to be written. Returns 1, 0 if the
 * conversation is over (ssh has ended, or was stopped), -1 with the error set.
 */
int adaptive_dialog_wait(struct adaptive_dialog *d, struct error *err);

/* Waits until the device's facts have come. Returns like adaptive_dialog_wait(). */
int adaptive_dialog_await_facts(struct adaptive_dialog *d, struct error *err);

/* Waits for the answer to a question about count elements; *yes is owned by the caller.
 * *candidates: bytes of the device that may match. Returns like adaptive_dialog_wait(), with *yes
 * NULL if the device is too slow. */
int adaptive_dialog_await_answer(struct adaptive_dialog *d, enum assembly_type level, size_t count,
                                 uint8_t **yes, uint64_t *candidates, struct error *err);

/* What waits to be written now is all that the device needs: once it is sent, the transfer counts
 * as complete, and the device may switch. */
void adaptive_dialog_needs_no_more(struct adaptive_dialog *d);

/* The device has done what does not fit: what that means for what it runs, as far as it is known.
 * Returns -1. */
int adaptive_dialog_blame(const struct adaptive_dialog *d, const char *what, struct error *err);

/* Writes until nothing waits any more. Returns like adaptive_dialog_wait(). */
int adaptive_dialog_flush(struct adaptive_dialog *d, struct error *err);

#endif
