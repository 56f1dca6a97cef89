/* SPDX-License-Identifier: Apache-2.0 */
/* The outcome of a run of ssh: its exit status and messages become one line that the user can act
 * on. The only table of these messages is here; OpenSSH does not translate them. */
#ifndef FWSSH_HOST_REMOTE_SSH_OUTCOME_H
#define FWSSH_HOST_REMOTE_SSH_OUTCOME_H

#include "base/error.h"
#include "host/remote/ssh_run.h"

#include <stdbool.h>

/* How far a connection got. */
enum ssh_step {
    SSH_STEP_SSH,  /* ssh itself, on this machine */
    SSH_STEP_JUMP, /* the jump host, or ProxyCommand */
    SSH_STEP_NAME,
    SSH_STEP_CONNECT,
    SSH_STEP_BANNER,
    SSH_STEP_HOST_KEY,
    SSH_STEP_LOGIN,
    SSH_STEP_SUBSYSTEM,
    SSH_STEP_SESSION, /* it worked, and was lost later */
};

struct ssh_failure {
    const char *words; /* in ssh's standard error */
    enum ssh_step step;
    enum exit_status status;
    const char *meaning; /* a line for the user; NULL: composed elsewhere */
    bool quotes;         /* followed by the line of ssh */
};

/* Returns the failure that ssh's standard error shows, or NULL if there is none that we know. */
const struct ssh_failure *ssh_failure_find(const char *errors);

/* Appends what it means, on whose side, and what to try. Returns the exit status. */
enum exit_status ssh_failure_describe(const struct ssh_failure *f, const char *errors,
                                      const struct ssh_target *target, struct buffer *text);

enum ssh_ending {
    SSH_ENDING_DONE,    /* the device sent exit status 0 */
    SSH_ENDING_DEVICE,  /* the device sent another exit status */
    SSH_ENDING_SILENT,  /* the device closed the channel without a status */
    SSH_ENDING_SSH,     /* ssh failed before the device had sent anything */
    SSH_ENDING_LOST,    /* the connection was lost, or ssh was killed */
    SSH_ENDING_STOPPED, /* we stopped it: interrupted, or too late */
};

struct ssh_outcome {
    enum ssh_ending ending;
    int status;         /* SSH_ENDING_DEVICE: the device's; SSH_ENDING_SSH: ours */
    bool refused;       /* SSH_ENDING_SSH: nothing listens on the port */
    bool no_subsystem;  /* SSH_ENDING_SSH: the device does not offer it */
    bool unanswered;    /* SSH_ENDING_LOST: perhaps before the login */
    struct buffer last; /* the last line that the device has printed, if it is no answer of ours */
    struct buffer text; /* SSH_ENDING_SSH, _LOST: why; _DEVICE: its reason, or empty */
};

/* Determines the outcome of a run that has ended. ssh_outcome_free() in any case. */
void ssh_outcome_read(struct ssh_outcome *o, const struct ssh_run *r,
                      const struct ssh_target *target);
void ssh_outcome_free(struct ssh_outcome *o);

/* What to say of SSH_ENDING_DEVICE with this status and no word. ssh itself has been run before, by
 * ssh_target_resolve(), so it was not the shell here that did not find it. */
const char *ssh_outcome_silence(int status);

/* Appends the text about a changed host key, with both fingerprints and what to do. */
void ssh_outcome_host_key_changed(const char *errors, const struct ssh_target *target,
                                  struct buffer *text);

#endif
