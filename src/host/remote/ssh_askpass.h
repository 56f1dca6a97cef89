/* Passes the passphrase to ssh, with this program as SSH_ASKPASS. */
#ifndef FWSSH_HOST_REMOTE_SSH_ASKPASS_H
#define FWSSH_HOST_REMOTE_SSH_ASKPASS_H

#include "base/error.h"

#define SSH_ASKPASS_VARIABLE "FWSSH_ASKPASS_FIFO"

/* A FIFO in a private directory holds it until ssh asks. */
struct ssh_askpass {
    char *dir, *fifo;
    int fd;
    char *environment[4]; /* for ssh; NULL-terminated; owned */
};

/* Prepares the FIFO and ssh's environment; nothing if passphrase is NULL. Returns 0 (release with
 * ssh_askpass_close()), or -1 with the error set. */
int ssh_askpass_open(struct ssh_askpass *a, const char *passphrase, struct error *err);
void ssh_askpass_close(struct ssh_askpass *a);

/* Answers the prompt when ssh has started this program as SSH_ASKPASS. Returns the exit status. */
int ssh_askpass_answer(const char *fifo, const char *prompt);

#endif
