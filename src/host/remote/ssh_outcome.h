/*
 * What a run of ssh came to: from its status and the words of its client to one line that can be
 * acted on. The one table of those words is here; OpenSSH speaks English everywhere.
 */
#ifndef FWSSH_HOST_REMOTE_SSH_OUTCOME_H
#define FWSSH_HOST_REMOTE_SSH_OUTCOME_H

#include "base/error.h"
#include "host/remote/ssh_run.h"

#include <stdbool.h>

/* How far a connection can come. */
enum ssh_step {
    SSH_STEP_NAME,
    SSH_STEP_CONNECT,
    SSH_STEP_BANNER,
    SSH_STEP_HOST_KEY,
    SSH_STEP_LOGIN,
    SSH_STEP_SUBSYSTEM,
    SSH_STEP_SESSION, /* it worked, and broke later */
};

struct ssh_failure {
    const char *words;
    enum ssh_step step;
    enum exit_status status;
    const char *meaning; /* NULL: the words are enough */
};

/* What ssh's standard error says; NULL if it says nothing that we know. */
const struct ssh_failure *ssh_failure_find(const char *errors);

enum ssh_ending {
    SSH_ENDING_DONE,    /* the device ended with status 0 */
    SSH_ENDING_DEVICE,  /* the device ended with another status */
    SSH_ENDING_SILENT,  /* the device closed the channel without a status */
    SSH_ENDING_SSH,     /* ssh failed before the device had said anything */
    SSH_ENDING_LOST,    /* the connection broke, or ssh was killed */
    SSH_ENDING_STOPPED, /* we stopped it: interrupted, or too late */
};

struct ssh_outcome {
    enum ssh_ending ending;
    int status;         /* SSH_ENDING_DEVICE: the device's; SSH_ENDING_SSH: ours */
    bool no_subsystem;  /* SSH_ENDING_SSH: the device does not offer it */
    struct buffer text; /* SSH_ENDING_SSH, _LOST: why; _DEVICE: its reason, or empty */
};

/* Judges a run that has ended. ssh_outcome_free() frees it. */
void ssh_outcome_read(struct ssh_outcome *o, const struct ssh_run *r,
                      const struct ssh_target *target);
void ssh_outcome_free(struct ssh_outcome *o);

/* The line about a changed host key, with both fingerprints and what to do. */
void ssh_outcome_host_key_changed(const char *errors, const struct ssh_target *target,
                                  struct buffer *text);

#endif
