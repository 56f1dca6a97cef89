/* SPDX-License-Identifier: Apache-2.0 */
/* How a device is reached: settings for the user's own ssh. */
#ifndef FWSSH_HOST_REMOTE_REACH_H
#define FWSSH_HOST_REMOTE_REACH_H

#include <stdbool.h>
#include <stddef.h>

#define REACH_DEFAULT_PORT 8989

struct rate_limit;
struct ssh_secret;

struct reach {
    int port;                                     /* 0: from ~/.ssh/config, else the default */
    const char *user, *user_dir, *host_key_alias; /* NULL: not given */
    char *passphrase;                             /* owned; NULL: ssh asks for it itself */
    const char *subsystem;                        /* for the firmware */
    bool exec;                                    /* request it as a command */
    int timeout;                                  /* seconds for a device; 0: no limit */
    double until;                       /* io_now() when they are up; 0: they have not begun */
    struct rate_limit *rate, *rate_all; /* of what is sent, to it and to all; NULL: no limit */
    bool batch;                         /* nobody can answer ssh's prompts */
    const char *ssh;                    /* a shell command, like git's core.sshCommand; NULL: ssh */
    const char **ssh_options;           /* each for ssh -o; the array is owned */
    size_t ssh_option_count;
    bool agentless;             /* bring fwssh-agent to it (host/agentless) */
    const char *agent_dir;      /* where ARCH/fwssh-agent is; NULL: the installed ones */
    const char *agent_task;     /* instead of the key task; NULL: none */
    const char **agent_options; /* KEY=VALUE for fwssh-agent; the array is owned */
    size_t agent_option_count;
    struct ssh_secret *secret; /* for sudo on it; owned */
};

/* The time of io_now() when to give up what takes so many seconds at most (0: without limit); 0:
 * never. */
double reach_end(const struct reach *r, double seconds);

void reach_add_ssh_option(struct reach *r, const char *option);
void reach_add_agent_option(struct reach *r, const char *option);

/* A copy whose lists can be added to; reach_drop() frees these only. */
void reach_copy(struct reach *to, const struct reach *from);
void reach_drop(struct reach *copy);

/* Overwrites passphrase and secret before they are freed. */
void reach_free(struct reach *r);

#endif
