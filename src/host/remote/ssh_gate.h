/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What comes before a conversation with a device whose shell starts our program: the shell says a
 * marker when it is there, perhaps after sudo has asked for a password. Nothing of ours is sent
 * before the marker, so a password never ends up in the stream, nor the stream in a password.
 */
#ifndef FWSSH_HOST_REMOTE_SSH_GATE_H
#define FWSSH_HOST_REMOTE_SSH_GATE_H

#include "base/error.h"

#include <stdbool.h>

struct ssh_run;

#define SSH_SECRET_MAX 256

/* A password that is asked for once. */
struct ssh_secret {
    bool known;
    char text[SSH_SECRET_MAX];
};

struct ssh_gate {
    const char *marker;        /* the line on standard output that opens it */
    const char *prompt;        /* of sudo, on standard error; NULL: it is not asked */
    const char *account;       /* whose password it is, for the user at the terminal */
    struct ssh_secret *secret; /* NULL: nobody can be asked */
};

/*
 * Waits for the marker of a run that has just been started, and removes it from the run's text; not
 * longer than until a time of io_now() (0: a limit of its own).
 * Returns 0 if the conversation can begin, and also if ssh has ended or was interrupted, as its
 * outcome shows; -1 with the error set if the device did not let us become root.
 */
int ssh_gate_pass(struct ssh_run *r, const struct ssh_gate *g, double until, struct error *err);

#endif
