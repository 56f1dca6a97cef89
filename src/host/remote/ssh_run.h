/*
 * One run of ssh, as a conversation: what we say goes into its standard input, what the device (and
 * ssh itself) says comes out of its standard output and error. Both directions are served at once,
 * so neither side waits for the other.
 */
#ifndef FWSSH_HOST_REMOTE_SSH_RUN_H
#define FWSSH_HOST_REMOTE_SSH_RUN_H

#include "base/buffer.h"
#include "host/remote/ssh_askpass.h"
#include "host/remote/ssh_command.h"

#include <stdbool.h>
#include <sys/types.h>

/* Of each stream at least this much of the end is kept. */
#define SSH_RUN_TEXT_MAX 65536

enum ssh_run_event {
    SSH_RUN_HEARD,       /* text has come */
    SSH_RUN_WRITABLE,    /* ssh takes more input */
    SSH_RUN_ENDED,       /* both outputs are closed: ssh has ended, or is about to */
    SSH_RUN_LATE,        /* the time is up */
    SSH_RUN_INTERRUPTED, /* a signal has come (interrupt.h) */
};

struct ssh_run {
    pid_t pid;
    int in;                 /* our end of its standard input, not blocking; -1 when closed */
    int out[2];             /* our ends of its standard output and error; -1 when closed */
    struct buffer text[2];  /* what came on them */
    bool late, interrupted; /* it was ended for that */
    int wait_status;        /* as from waitpid(2), after ssh_run_end() */
    double began, ended;    /* io_now() */
    struct ssh_askpass askpass;

    /* Called for each piece of text; may be NULL. */
    void (*hear)(void *data, int stream, const char *bytes, size_t len);
    void *hear_data;
};

/* Starts it; hear and hear_data may be set before. 0, or -1 with the error set. ssh_run_end() and
 * ssh_run_free() in any case. */
int ssh_run_start(struct ssh_run *r, const struct ssh_call *call, struct error *err);

/*
 * Waits for what comes next, until a point of io_now() (0: without limit). writes: also for room in
 * its input. An event, or -1 with the error set.
 */
int ssh_run_next(struct ssh_run *r, bool writes, double until, struct error *err);

/* Until found says that standard output holds what it looks for (SSH_RUN_HEARD), or another event
 * ends the waiting. found NULL: until ssh ends. */
int ssh_run_await(struct ssh_run *r, bool (*found)(const char *text), double until,
                  struct error *err);

/* Writes a short text (at most a pipe's size); what ssh does not take is its own failure to
 * explain. */
void ssh_run_say(struct ssh_run *r, const char *text);

/* The end of what we say. */
void ssh_run_close_input(struct ssh_run *r);

/* Asks ssh to end, if it has not, and waits for it. */
void ssh_run_end(struct ssh_run *r, bool kill_it);
void ssh_run_free(struct ssh_run *r);

#endif
