/* SPDX-License-Identifier: Apache-2.0 */
/* The options of fwssh's commands, in one table with their help texts (host_options.c). */
#ifndef FWSSH_HOST_COMMAND_HOST_OPTIONS_H
#define FWSSH_HOST_COMMAND_HOST_OPTIONS_H

#include "base/error.h"
#include "host/adaptive/adaptive.h"
#include "host/output/console.h"
#include "host/remote/reach.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HOST_DEFAULT "nerves.local"

/* Which commands use an option. Options of other commands are accepted and have no effect. */
enum command_set {
    COMMAND_PUSH = 1,
    COMMAND_ASK = 2, /* status, log, confirm, reboot, activate */
    COMMAND_REVERT = 4,
    COMMAND_CHECK = 8,
    COMMAND_SCRIPT = 16,
    COMMAND_CONFIG = 32, /* may stand in the configuration (host_config.h) */
    COMMAND_DESCRIBE = 64,
    COMMAND_DISCOVER = 128,
    COMMAND_KNOWN_HOSTS = 256,
    COMMAND_SELFTEST = 512,
    COMMAND_LOCAL = COMMAND_DESCRIBE | COMMAND_DISCOVER,
    COMMAND_WRITES = COMMAND_SCRIPT | COMMAND_KNOWN_HOSTS,
    COMMAND_MANY = COMMAND_PUSH | COMMAND_ASK | COMMAND_REVERT | COMMAND_CHECK,
    COMMAND_REMOTE = COMMAND_MANY | COMMAND_SELFTEST,
};

struct transfer_fault;

/* What to do with a device. */
struct job_options {
    const char *firmware, *target; /* NULL: search for it; NULL: MIX_TARGET */
    const char *task;              /* NULL: the device's key task */
    bool no_reboot, stage, confirm, force;
    struct transfer_fault *fault; /* of selftest, which makes it; NULL: none */
    int wait;                     /* seconds to wait for the device's return; 0: not at all */
};

/* Which devices, and in which order. */
struct fleet_options {
    const char **hosts; /* at least one; the array is owned, the names are not */
    size_t host_count;
    char *hosts_text; /* contents of the --hosts file; owned */
    char *found_text; /* the same for those that were found; owned */
    bool by_default;  /* none was named: HOST_DEFAULT */
    bool discovered;  /* those that announce themselves, too (discover.h) */
    int jobs;         /* devices at once */
    int canary;       /* how many go first, alone; 0: none */
    int max_failures; /* stop after more than this; -1: never */
    const char *max_failures_text;
    const char *state; /* file with how far it has come; NULL: none */
    int until;         /* seconds to go on trying what cannot be reached; 0: one try */
};

struct host_options {
    struct reach reach;
    struct job_options job;
    struct fleet_options fleet;
    struct adaptive_options adaptive;
    uint64_t rate, rate_all; /* bytes a second to each device, and to all; 0: no limit */
    int retries;             /* after a fault of the network */
    bool no_cache;           /* neither use nor fill the cache of firmwares */
    struct output_options output;
    const char *reason;      /* for revert; NULL: none */
    const char *output_file; /* where gen-script and known-hosts write; "-": standard output */
    const char *from;        /* the records for known-hosts; NULL: not named */
    bool alias;              /* its names are for HostKeyAlias */
    const char *report;      /* where selftest writes; NULL: standard output */
    bool full;               /* with what names the device */
    bool yes;                /* the answer to questions */
    bool help;
    uint64_t given; /* a bit for each option that was given (host_options.c) */
    void *config;   /* the configuration; NULL: none; owned (host_config.h) */
};

/* An option for who lists them. */
struct host_option {
    const char *name, *argument, *help; /* argument: NULL: none; "[=X]": optional */
    unsigned commands;                  /* a set of enum command_set */
};

/* The options in the order of the help text; false if there is none with this number. */
bool host_option_get(size_t number, struct host_option *o);

/*
 * Parses the command line of a command; argv[0] is its name. A passphrase on the command line is
 * overwritten there at once. Returns 0, or -1 with the error set; host_options_free() in any case.
 */
int host_options_parse(struct host_options *o, unsigned command, int argc, char **argv,
                       struct error *err);
void host_options_free(struct host_options *o);

/*
 * For the configuration (host_config.h), whose keys are options. host_options_key(): the name of a
 * key, by a number below HOST_OPTIONS_MAX; NULL if there is none with that number.
 * host_options_is_list(): whether it may have several values. host_options_try(): whether a value
 * is possible.
 */
#define HOST_OPTIONS_MAX 64
const char *host_options_key(size_t number);
bool host_options_is_list(const char *key);
int host_options_try(const char *key, const char *value, struct error *err);

/* Sets an option of own, a copy of o with values of the configuration, unless it has been set
 * before, or the command line (o) has it or something that it does not go with. The value is not
 * copied. */
int host_options_default(struct host_options *own, const struct host_options *o, const char *key,
                         const char *value, struct error *err);

/* Whether the options go together. Returns 0, or -1 with the error set. */
int host_options_check(struct host_options *o, struct error *err);

/* Prints a line for each option of these commands (enum command_set). */
void host_options_print_help(FILE *out, unsigned commands);

/* Whether a push needs the subsystem fwssh, because the protocol of nerves_firmware_ssh cannot
 * express it. */
bool job_options_need_request(const struct job_options *o);

/* Again after hosts were added: --max-failures may be a part of them. */
int fleet_options_set_max_failures(struct fleet_options *f, struct error *err);

/* Whether a push is one to a fleet (fleet.h), be it of one device. */
bool fleet_options_are_used(const struct fleet_options *f);

/* The exit status for all hosts after one more, which has ended with one; before: the status for
 * those before it, EXIT_DONE at first. */
int fleet_options_status(const struct fleet_options *f, int before, int one);

#endif
