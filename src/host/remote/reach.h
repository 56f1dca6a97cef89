/* How a device is reached: settings for the user's own ssh. */
#ifndef FWSSH_HOST_REMOTE_REACH_H
#define FWSSH_HOST_REMOTE_REACH_H

#include <stdbool.h>
#include <stddef.h>

#define REACH_DEFAULT_PORT 8989

struct rate_limit;

struct reach {
    int port;                                     /* 0: from ~/.ssh/config, else the default */
    const char *user, *user_dir, *host_key_alias; /* NULL: not given */
    char *passphrase;                             /* owned; NULL: ssh asks for it itself */
    const char *subsystem;                        /* for the firmware */
    bool exec;                                    /* request it as a command */
    int timeout;                                  /* seconds for a device; 0: no limit */
    struct rate_limit *rate, *rate_all; /* of what is sent, to it and to all; NULL: no limit */
    bool batch;                         /* nobody can answer ssh's prompts */
    const char *ssh;                    /* a shell command, like git's core.sshCommand; NULL: ssh */
    const char **ssh_options;           /* each for ssh -o; the array is owned */
    size_t ssh_option_count;
};

void reach_add_ssh_option(struct reach *r, const char *option);

/* Overwrites the passphrase before it is freed. */
void reach_free(struct reach *r);

#endif
