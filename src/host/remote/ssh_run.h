/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A run of ssh, as a conversation: our data goes into its standard input, the output of the device
 * (and of ssh itself) comes out of its standard output and error. Both directions are served at
 * once, so that neither side blocks the other.
 */
#ifndef FWSSH_HOST_REMOTE_SSH_RUN_H
#define FWSSH_HOST_REMOTE_SSH_RUN_H

#include "base/buffer.h"
#include "host/remote/ssh_askpass.h"
#include "host/remote/ssh_command.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Of each stream, at least this many of the last bytes are kept. */
#define SSH_RUN_TEXT_MAX 65536
/* A device that sends more text than this will not end by itself. */
#define SSH_RUN_HEARD_MAX (16u << 20)
/* ssh's exit status for its own failures, and for a channel that was closed without a status. */
#define SSH_FAILED 255
/* Size of a pipe, which takes this much of our data before ssh has read any. */
#define SSH_RUN_PIPE 65536

enum ssh_run_event {
    SSH_RUN_HEARD,       /* text has arrived */
    SSH_RUN_WRITABLE,    /* ssh accepts more input */
    SSH_RUN_ENDED,       /* both outputs are closed: ssh has exited, or is about to */
    SSH_RUN_LATE,        /* the time is up */
    SSH_RUN_INTERRUPTED, /* a signal has arrived (interrupt.h) */
};

struct ssh_run {
    pid_t pid;
    int in;                     /* our end of its standard input, non-blocking; -1 when closed */
    uint64_t heard;             /* bytes of text */
    uint64_t fed;               /* bytes that have gone in */
    int out[2];                 /* our ends of its standard output and error; -1 when closed */
    struct buffer text[2];      /* what arrived on them */
    bool late, interrupted;     /* it was stopped for that */
    bool is_in;                 /* ssh has logged in, as far as can be told */
    const struct ssh_run *over; /* whose connection it shares; NULL: it has its own */
    bool lost;                  /* that has ended, and this one with it */
    int wait_status;            /* from waitpid(2), after ssh_run_end() */
    double began, ended;        /* io_now() */
    struct ssh_askpass askpass;
    struct rate_limit *rate, *rate_all; /* of what goes in; NULL: no limit */

    /* Called for each piece of text; may be NULL. */
    void (*hear)(void *data, int stream, const char *bytes, size_t len);
    void *hear_data;

    /* Makes text of what comes on standard output, if that is not all text; may be NULL. */
    void (*decode)(void *data, const char *bytes, size_t len, struct buffer *text);
    void *decode_data;
};

/* Starts ssh; the functions and their data may be set before. Returns 0, or -1 with the error set;
 * ssh_run_end() and ssh_run_free() in any case. */
int ssh_run_start(struct ssh_run *r, const struct ssh_call *call, struct error *err);

/* Waits for the next event, until a time of io_now() (0: without limit). writes: also until ssh
 * accepts input. Returns the event, or -1 with the error set, also if there is too much text, or
 * ssh does not log in. */
int ssh_run_next(struct ssh_run *r, bool writes, double until, struct error *err);

/* Whether something has come on standard output, or will not come any more. */
bool ssh_run_has_answered(const struct ssh_run *r);

/* Waits until found() returns true for the text on standard output (SSH_RUN_HEARD), or for any
 * other event. found NULL: until ssh exits. Returns like ssh_run_next(). */
int ssh_run_await(struct ssh_run *r, bool (*found)(const char *text), double until,
                  struct error *err);

/*
 * Writes a short text (at most a pipe's size). If ssh does not take it, its exit status shows why.
 */
void ssh_run_say(struct ssh_run *r, const char *text);

/* Whether ssh has read all that was written, which it does once it has logged in; false if its
 * input has been closed, since nobody can tell then. */
bool ssh_run_has_taken_all(const struct ssh_run *r);

/* Writes some of these bytes, without blocking: the count, 0 if ssh takes none now or has exited
 * (its input is closed then), or -1 with the error set. */
ssize_t ssh_run_write(struct ssh_run *r, const void *bytes, size_t len, struct error *err);

/* Ends ssh's input. */
void ssh_run_close_input(struct ssh_run *r);

/* Waits for ssh to exit; kill_it: terminates it first. */
void ssh_run_end(struct ssh_run *r, bool kill_it);
void ssh_run_free(struct ssh_run *r);

#endif
