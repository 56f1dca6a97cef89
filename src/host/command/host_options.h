/* The options of fwssh's commands: one table of words, with help (host_options.c). */
#ifndef FWSSH_HOST_COMMAND_HOST_OPTIONS_H
#define FWSSH_HOST_COMMAND_HOST_OPTIONS_H

#include "base/error.h"
#include "host/output/console.h"
#include "host/remote/reach.h"

#include <stdbool.h>
#include <stddef.h>

#define HOST_DEFAULT "nerves.local"

/* Who takes an option. Those of other commands are accepted and have no effect. */
enum command_set {
    COMMAND_PUSH = 1,
    COMMAND_ASK = 2, /* status, log, confirm, reboot, activate */
    COMMAND_REVERT = 4,
    COMMAND_CHECK = 8,
    COMMAND_SCRIPT = 16,
    COMMAND_REMOTE = COMMAND_PUSH | COMMAND_ASK | COMMAND_REVERT | COMMAND_CHECK,
};

/* What is to be done to a device. */
struct job_options {
    const char *firmware, *target; /* NULL: searched for; NULL: MIX_TARGET */
    const char *task;              /* NULL: the device's own */
    bool no_reboot, stage, confirm, force;
    int wait; /* seconds to wait for the device's return; 0: not at all */
};

/* Which devices, and in which order. */
struct fleet_options {
    const char *
        *hosts; /* at least one; owned; the names are the command line's, or of hosts_text */
    size_t host_count;
    char *hosts_text; /* of --hosts; owned */
    int jobs;         /* devices at once */
    int canary;       /* the first ones, alone; 0: none */
    int max_failures; /* more end it; -1: no matter how many */
    const char *max_failures_text;
};

struct host_options {
    struct reach reach;
    struct job_options job;
    struct fleet_options fleet;
    struct output_options output;
    const char *reason; /* for revert; NULL: none */
    const char *script; /* where gen-script writes */
    bool help;
};

/* command: who takes them; argv[0] is its word. A passphrase on the command line is overwritten
 * there at once. host_options_free() in any case. */
int host_options_parse(struct host_options *o, unsigned command, int argc, char **argv,
                       struct error *err);
void host_options_free(struct host_options *o);

/* A line for each option of the commands. */
void host_options_print_help(FILE *out, unsigned commands);

/* What the protocol of nerves_firmware_ssh cannot ask for goes through the subsystem fwssh. */
bool job_options_need_request(const struct job_options *o);

#endif
