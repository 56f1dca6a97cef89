/* SPDX-License-Identifier: Apache-2.0 */
/* The user's own ssh: which one, its options, and what its configuration says about a host. */
#ifndef FWSSH_HOST_REMOTE_SSH_COMMAND_H
#define FWSSH_HOST_REMOTE_SSH_COMMAND_H

#include "base/argv.h"
#include "base/error.h"
#include "host/remote/reach.h"

#include <stdbool.h>

/* What `ssh -G` reports about a host, and what follows from it. */
struct ssh_target {
    char *given;        /* as the user named it, with --user */
    char *name;         /* the same without the user and the port */
    char *hostname;     /* the name to which ssh connects */
    char *user;         /* for whom it logs in; NULL if unknown */
    char *known_as;     /* its name in known_hosts */
    char *known_hosts;  /* the file, or NULL if unknown */
    char *control_path; /* of a shared connection; NULL: none */
    char *log_level;    /* of ssh's messages; NULL if unknown */
    char *jump;         /* ProxyJump; NULL: none */
    char *jump_command; /* a ProxyCommand in its place; NULL: none is needed */
    bool shares_ports;  /* that path is the same for every port, so it may lead to another server */
    struct argv undo;   /* options that undo what in the configuration would break a push */
    int port;
    struct argv dir_keys; /* the private keys in --user-dir */
    struct argv keys;     /* all private keys that ssh may use, by name; they may not exist */
    bool
        ignores_host_key; /* StrictHostKeyChecking=no: a key that has changed is only remarked on */
    bool has_connect_timeout, has_alive_interval, has_session_type, has_passphrase;
    bool refuses_keys; /* PubkeyAuthentication no */
};

/*
 * Asks ssh about a host. subsystem: the one that will be requested; it decides the default port.
 * Returns 0 (release with ssh_target_free()), or -1 with the error set: EXIT_USAGE if ssh does not
 * accept the host or the options, or there is no such --user-dir.
 */
int ssh_target_resolve(struct ssh_target *t, const struct reach *r, const char *host,
                       const char *subsystem, struct error *err);
void ssh_target_free(struct ssh_target *t);

/* Whether ssh refuses a server whose host key is not the one that it has seen before. */
bool ssh_target_checks_host_key(const struct ssh_target *t);

struct ssh_gate;
struct ssh_run;

/* One run of ssh. */
struct ssh_call {
    const struct reach *reach;
    const struct ssh_target *target;
    const char *subsystem;       /* the subsystem to request, or a command */
    bool exec;                   /* request it as a command */
    const struct ssh_gate *gate; /* what comes before the conversation; NULL: nothing */
    const struct ssh_run *over;  /* whose connection it shares; NULL: it has its own */
    bool tied;                   /* it ends when this process does, however that happens */
    bool impatient;              /* the device may be away: short connect timeout */
    bool banner_only;            /* no key is offered, so there is no login */
    bool verbose;                /* with the lines of ssh -v, but none of the ssh to a jump host */
};

/* Appends the command line. */
void ssh_command_arguments(const struct ssh_call *c, struct argv *a);

#endif
