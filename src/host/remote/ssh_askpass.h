/* SPDX-License-Identifier: Apache-2.0 */
/* Passes the passphrase to ssh, with this program as SSH_ASKPASS. */
#ifndef FWSSH_HOST_REMOTE_SSH_ASKPASS_H
#define FWSSH_HOST_REMOTE_SSH_ASKPASS_H

#include "base/error.h"
#include "host/remote/ssh_command.h"

#define SSH_ASKPASS_VARIABLE "FWSSH_ASKPASS_DIR"

/* A FIFO in a private directory holds it until ssh asks. */
struct ssh_askpass {
    char *dir; /* NULL: no passphrase was given */
    int fd;
    char *environment[6]; /* for ssh; NULL-terminated; owned */
};

/* Prepares the FIFO and ssh's environment for this call; nothing if it has no passphrase. Returns 0
 * (release with ssh_askpass_close()), or -1 with the error set. */
int ssh_askpass_open(struct ssh_askpass *a, const struct ssh_call *call, struct error *err);
void ssh_askpass_close(struct ssh_askpass *a);

/*
 * Answers a prompt when an ssh has started this program as SSH_ASKPASS: with the passphrase if that
 * ssh is the one of the call (and not another one that goes to a jump host), and asks for one of
 * its private keys, for the first time. Everything else is for the user. Returns the exit status.
 */
int ssh_askpass_answer(const char *dir, const char *prompt);

#endif
