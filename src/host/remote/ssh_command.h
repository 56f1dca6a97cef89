/* The user's own ssh: which one, with which options, and what its configuration says of a host. */
#ifndef FWSSH_HOST_REMOTE_SSH_COMMAND_H
#define FWSSH_HOST_REMOTE_SSH_COMMAND_H

#include "base/buffer.h"
#include "base/error.h"
#include "host/command/push_options.h"

#include <sys/types.h>

/* What `ssh -G` tells of a host, and what follows from it. */
struct ssh_target {
    char *given;       /* as the user named it, with --user */
    char *hostname;    /* as ssh will connect to it */
    char *known_as;    /* its name in known_hosts */
    char *known_hosts; /* the file, NULL if not known */
    int port;
    bool has_connect_timeout, has_alive_interval;
};

int ssh_target_resolve(struct ssh_target *t, const struct push_options *o, const char *host,
                       struct error *err);
void ssh_target_free(struct ssh_target *t);

/* The passphrase on its way to ssh: a FIFO in a private directory that our own SSH_ASKPASS reads.
 */
struct ssh_askpass {
    char *dir, *fifo;
    int fd;
    char *environment[4]; /* for the child; NULL-terminated; owned from the first on */
};

int ssh_askpass_open(struct ssh_askpass *a, const char *passphrase, struct error *err);
void ssh_askpass_close(struct ssh_askpass *a);

/* When ssh has started this program as its SSH_ASKPASS: answers the prompt. The exit status. */
int ssh_askpass_answer(const char *fifo, const char *prompt);
#define SSH_ASKPASS_VARIABLE "FWSSH_ASKPASS_FIFO"

/*
 * Starts ssh for the target, asking for the subsystem (or, with --exec, the command). fds: its
 * standard input, output and error. extra: further arguments before the host, NULL-terminated, or
 * NULL.
 */
pid_t ssh_command_start(const struct push_options *o, const struct ssh_target *t,
                        const char *const *extra, struct ssh_askpass *askpass, const int fds[3],
                        struct error *err);

#endif
