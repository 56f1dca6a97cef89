/* The options of `fwssh push` and `fwssh check`. */
#ifndef FWSSH_HOST_COMMAND_PUSH_OPTIONS_H
#define FWSSH_HOST_COMMAND_PUSH_OPTIONS_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

#define PUSH_LIST_MAX 64
#define PUSH_DEFAULT_HOST "nerves.local"
#define PUSH_DEFAULT_PORT 8989
#define PUSH_DEFAULT_SUBSYSTEM "nerves_firmware_ssh"
#define PUSH_REQUEST_SUBSYSTEM "fwssh"
#define PUSH_DEFAULT_WAIT 300
#define PUSH_DEFAULT_JOBS 8

struct push_options {
    const char **hosts;            /* owned; the names are the command line's, or of hosts_text */
    size_t host_count;             /* at least 1 */
    char *hosts_text;              /* of --hosts; owned */
    const char *firmware, *target; /* NULL: searched for; NULL: MIX_TARGET */
    int port;                      /* 0: from ~/.ssh/config, else the default */
    const char *user, *user_dir, *host_key_alias, *log_dir;
    char *passphrase; /* owned; NULL: ssh asks by itself */
    bool no_reboot, exec, json, quiet, help;
    bool confirm, stage, force;
    const char *task, *reason; /* NULL: the device's own; none */
    int wait;                  /* seconds to wait for the device's return; 0: not at all */
    int jobs, canary;          /* devices at once; the first ones, alone (0: none) */
    const char *max_failures_text;
    int max_failures; /* more end it; -1: no matter how many */
    const char *subsystem;
    const char *ssh; /* a shell command, as git's core.sshCommand */
    const char *ssh_options[PUSH_LIST_MAX];
    size_t ssh_option_count;
};

/* argv[0] is the command's word. A passphrase on the command line is overwritten there at once. */
int push_options_parse(struct push_options *o, int argc, char **argv, struct error *err);
void push_options_free(struct push_options *o);

/* The subsystem fwup takes the firmware without a header; the reboot is always the device's
 * business. */
bool push_options_are_bare(const struct push_options *o);

/* What the origin's protocol cannot ask for goes through the subsystem fwssh. */
bool push_options_need_request(const struct push_options *o);

extern const char push_options_help[];

#endif
