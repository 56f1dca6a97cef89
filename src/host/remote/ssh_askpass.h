/* The passphrase on its way to ssh: this program is its SSH_ASKPASS. */
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

/* passphrase may be NULL: then there is nothing to pass on. ssh_askpass_close() after success. */
int ssh_askpass_open(struct ssh_askpass *a, const char *passphrase, struct error *err);
void ssh_askpass_close(struct ssh_askpass *a);

/* When ssh has started this program as its SSH_ASKPASS: answers the prompt. The exit status. */
int ssh_askpass_answer(const char *fifo, const char *prompt);

#endif
