/* SPDX-License-Identifier: Apache-2.0 */
#include "host/command/host_options.h"

#include "base/io.h"
#include "base/memory.h"
#include "base/number.h"
#include "base/option_error.h"
#include "host/command/host_config.h"
#include "host/command/host_list.h"
#include "host/remote/ssh_gate.h"
#include "wire/subsystem.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_WAIT 300
#define DEFAULT_JOBS 8
#define PASSPHRASE_MAX 1024
#define TASK_MAX 63
#define HELP_COLUMN 28

struct option_word {
    const char *name;
    const char *argument; /* NULL: none; "[=X]": optional */
    const char *help;
    unsigned commands; /* a set of enum command_set */
    int (*set)(struct host_options *o, const struct option_word *w, char *value, struct error *err);
    size_t place; /* in struct host_options, for a flag, a text or a count */
    int most;     /* largest count */
    char letter;  /* the short form, 0: none */
};

static int option_flag(struct host_options *o, const struct option_word *w, char *value,
                       struct error *err)
{
    (void)value;
    (void)err;
    *(bool *)((char *)o + w->place) = true;
    return 0;
}

static int option_text(struct host_options *o, const struct option_word *w, char *value,
                       struct error *err)
{
    (void)err;
    *(const char **)((char *)o + w->place) = value;
    return 0;
}

static int option_count(struct host_options *o, const struct option_word *w, char *value,
                        struct error *err)
{
    uint64_t number;

    if (number_parse_decimal(value, strlen(value), &number) || number < 1 ||
        number > (uint64_t)w->most)
        return error_set(err, EXIT_USAGE, "--%s needs a number from 1 to %d, but got '%s'", w->name,
                         w->most, value);
    *(int *)((char *)o + w->place) = (int)number;
    return 0;
}

static int option_wait(struct host_options *o, const struct option_word *w, char *value,
                       struct error *err)
{
    o->job.wait = DEFAULT_WAIT;
    return value ? option_count(o, w, value, err) : 0;
}

static int option_ssh_option(struct host_options *o, const struct option_word *w, char *value,
                             struct error *err)
{
    (void)w;
    (void)err;
    reach_add_ssh_option(&o->reach, value);
    return 0;
}

static int option_agent_option(struct host_options *o, const struct option_word *w, char *value,
                               struct error *err)
{
    (void)w;
    if (!strchr(value, '='))
        return error_set(err, EXIT_USAGE, "--agent-option needs KEY=VALUE, but got '%s'", value);
    reach_add_agent_option(&o->reach, value);
    return 0;
}

static int option_hosts(struct host_options *o, const struct option_word *w, char *value,
                        struct error *err)
{
    (void)w;
    return host_list_read(&o->fleet, value, err);
}

static int option_passphrase(struct host_options *o, const struct option_word *w, char *value,
                             struct error *err)
{
    (void)w;
    (void)err;
    free(o->reach.passphrase);
    o->reach.passphrase = memory_text(value);
    /* ps(1) shows our arguments as long as we run. */
    memset(value, '*', strlen(value));
    fputs(
        "fwssh: --passphrase is visible to other users of this machine; an ssh agent (ssh-add) or "
        "--passphrase-file is safer\n",
        stderr);
    return 0;
}

static int option_passphrase_file(struct host_options *o, const struct option_word *w, char *value,
                                  struct error *err)
{
    struct buffer text = {0};
    int rc = strcmp(value, "-") ? io_read_file(value, PASSPHRASE_MAX, &text, err)
                                : io_read_fd(0, "standard input", PASSPHRASE_MAX, &text, err);

    (void)w;
    if (!rc) {
        free(o->reach.passphrase);
        o->reach.passphrase = memory_text(buffer_text(&text));
        o->reach.passphrase[strcspn(o->reach.passphrase, "\r\n")] = '\0';
    }
    if (text.data)
        explicit_bzero(text.data, text.len);
    buffer_free(&text);
    return rc;
}

static int option_adaptive(struct host_options *o, const struct option_word *w, char *value,
                           struct error *err)
{
    static const char *const names[] = {
        [ADAPTIVE_AUTO] = "auto", [ADAPTIVE_NEVER] = "never", [ADAPTIVE_ALWAYS] = "always"};

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (!strcmp(value, names[i])) {
            o->adaptive.mode = (enum adaptive_mode)i;
            return 0;
        }
    return error_set(err, EXIT_USAGE, "--%s needs auto, never or always, but got '%s'", w->name,
                     value);
}

struct option_unit {
    char letter;
    uint64_t factor;
};

/* A number that is not 0, with the letter of a unit behind it or none. -1 if it is no such one, or
 * more than most. */
static int option_read_units(const char *value, const struct option_unit *units, size_t count,
                             uint64_t most, uint64_t *number)
{
    size_t len = strlen(value);
    uint64_t factor = 1;
    bool has_unit = false;

    for (size_t i = 0; i < count && len && !has_unit; i++)
        if ((has_unit = value[len - 1] == units[i].letter))
            factor = units[i].factor;
    if (number_parse_decimal(value, len - has_unit, number) || !*number || *number > most / factor)
        return -1;
    *number *= factor;
    return 0;
}

static int option_bytes(struct host_options *o, const struct option_word *w, char *value,
                        struct error *err)
{
    static const struct option_unit units[] = {{'k', 1000}, {'M', 1000000}, {'G', 1000000000}};
    uint64_t *number = (uint64_t *)((char *)o + w->place);

    return option_read_units(value, units, sizeof units / sizeof *units, INT64_MAX, number)
               ? error_set(err, EXIT_USAGE,
                           "--%s needs a number of bytes, such as 300k or 2M, but got '%s'",
                           w->name, value)
               : 0;
}

/* In seconds. */
static int option_duration(struct host_options *o, const struct option_word *w, char *value,
                           struct error *err)
{
    static const struct option_unit units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}};
    uint64_t number;

    if (option_read_units(value, units, sizeof units / sizeof *units, (uint64_t)w->most, &number))
        return error_set(err, EXIT_USAGE,
                         "--%s needs a time of at most %d days, such as 90s, 30m or 6h, but got "
                         "'%s'",
                         w->name, w->most / 86400, value);
    *(int *)((char *)o + w->place) = (int)number;
    return 0;
}

#define PLACE(member) offsetof(struct host_options, member)

/* In the order of the help text; the manual has the same options (a test compares them). */
static const struct option_word words[] = {
    {"firmware", "FILE", "default: the one in _build for MIX_TARGET and MIX_ENV",
     COMMAND_PUSH | COMMAND_DESCRIBE | COMMAND_SELFTEST, option_text, PLACE(job.firmware), 0, 0},
    {"target", "TARGET", "instead of MIX_TARGET",
     COMMAND_PUSH | COMMAND_DESCRIBE | COMMAND_SELFTEST, option_text, PLACE(job.target), 0, 0},
    {"wait", "[=SECONDS]", "wait until the device runs the new firmware and it is confirmed (300)",
     COMMAND_PUSH | COMMAND_SELFTEST | COMMAND_CONFIG, option_wait, PLACE(job.wait), 86400, 0},
    {"confirm", NULL, "confirm it from here once the device is back (implies --wait)",
     COMMAND_PUSH | COMMAND_SELFTEST | COMMAND_CONFIG, option_flag, PLACE(job.confirm), 0, 0},
    {"stage", NULL, "write the firmware now; fwssh activate boots it later", COMMAND_PUSH,
     option_flag, PLACE(job.stage), 0, 0},
    {"task", "TASK", "run this task instead of the device's own, if it allows that",
     COMMAND_PUSH | COMMAND_CONFIG, option_text, PLACE(job.task), 0, 0},
    {"no-reboot", NULL, "write the firmware, but leave the reboot for later", COMMAND_PUSH,
     option_flag, PLACE(job.no_reboot), 0, 0},
    {"force", NULL, "push even to devices that already run this firmware", COMMAND_PUSH,
     option_flag, PLACE(job.force), 0, 0},
    {"adaptive", "MODE", "send only what the device lacks: auto (default), never or always",
     COMMAND_PUSH | COMMAND_CONFIG, option_adaptive, 0, 0, 0},
    {"base", "FILE", "an older firmware that the device may hold (default: from the cache)",
     COMMAND_PUSH, option_text, PLACE(adaptive.base), 0, 0},
    {"no-cache", NULL, "keep no copy of what is pushed, and use none",
     COMMAND_PUSH | COMMAND_CONFIG, option_flag, PLACE(no_cache), 0, 0},
    {"max-bytes", "N", "send no more than this (300k, 2M), in both directions", COMMAND_PUSH,
     option_bytes, PLACE(adaptive.max_bytes), 0, 0},
    {"bwlimit", "RATE", "send no faster than this many bytes a second to each device",
     COMMAND_PUSH | COMMAND_CONFIG, option_bytes, PLACE(rate), 0, 0},
    {"bwlimit-all", "RATE", "the same for all devices together", COMMAND_PUSH, option_bytes,
     PLACE(rate_all), 0, 0},
    {"retries", "N", "after a fault of the network, go on up to N times (0)",
     COMMAND_PUSH | COMMAND_CONFIG, option_count, PLACE(retries), 1000, 0},
    {"dry-run", NULL, "only say what would be sent", COMMAND_PUSH, option_flag,
     PLACE(adaptive.dry_run), 0, 0},
    {"reason", "TEXT", "the reason, which the device stores for its status", COMMAND_REVERT,
     option_text, PLACE(reason), 0, 0},
    {"hosts", "FILE", "more hosts, one per line (- for standard input)", COMMAND_MANY, option_hosts,
     0, 0, 0},
    {"discovered", NULL, "the devices that announce themselves, after a question", COMMAND_PUSH,
     option_flag, PLACE(fleet.discovered), 0, 0},
    {"yes", NULL, "answer the questions of --discovered and large fleets with yes", COMMAND_PUSH,
     option_flag, PLACE(yes), 0, 0},
    {"yes", NULL, "answer the question whether to start with yes", COMMAND_SELFTEST, option_flag,
     PLACE(yes), 0, 0},
    {"report", "FILE", "where the report goes (default: standard output)", COMMAND_SELFTEST,
     option_text, PLACE(report), 0, 0},
    {"full", NULL, "with what names the device: hosts, serial numbers, its words", COMMAND_SELFTEST,
     option_flag, PLACE(full), 0, 0},
    {"jobs", "N", "how many devices at once (8)", COMMAND_PUSH, option_count, PLACE(fleet.jobs),
     1000, 0},
    {"canary", "N", "the first N must be confirmed before the others start", COMMAND_PUSH,
     option_count, PLACE(fleet.canary), 1000, 0},
    {"max-failures", "N|N%", "start no more devices after more failures than this", COMMAND_PUSH,
     option_text, PLACE(fleet.max_failures_text), 0, 0},
    {"state", "FILE", "note there which devices are done, and go on from it", COMMAND_PUSH,
     option_text, PLACE(fleet.state), 0, 0},
    {"until", "TIME", "try devices that cannot be reached again, for this long (90s, 30m, 6h)",
     COMMAND_PUSH, option_duration, PLACE(fleet.until), 30 * 86400, 0},
    {"port", "N", "default: Port in ~/.ssh/config if it is not 22, else 8989",
     COMMAND_REMOTE | COMMAND_CONFIG, option_count, PLACE(reach.port), 65535, 0},
    {"user", "USER", "fwsshd accepts any name", COMMAND_REMOTE | COMMAND_CONFIG, option_text,
     PLACE(reach.user), 0, 0},
    {"user-dir", "DIR", "use the keys id_* in this directory", COMMAND_REMOTE | COMMAND_CONFIG,
     option_text, PLACE(reach.user_dir), 0, 0},
    {"passphrase-file", "FILE", "passphrase of the key (- for standard input)", COMMAND_REMOTE,
     option_passphrase_file, 0, 0, 0},
    {"passphrase", "TEXT", "the same, but visible to others: better use an ssh agent",
     COMMAND_REMOTE, option_passphrase, 0, 0, 0},
    {"subsystem", "NAME", "default nerves_firmware_ssh; fwup needs no header (port 22)",
     COMMAND_PUSH | COMMAND_CHECK | COMMAND_CONFIG, option_text, PLACE(reach.subsystem), 0, 0},
    {"exec", NULL, "run the subsystem as a command (Dropbear)",
     COMMAND_PUSH | COMMAND_CHECK | COMMAND_CONFIG, option_flag, PLACE(reach.exec), 0, 0},
    {"agentless", NULL, "without fwsshd: through the device's own SSH server (port 22)",
     COMMAND_REMOTE | COMMAND_CONFIG, option_flag, PLACE(reach.agentless), 0, 0},
    {"agent-option", "KEY=VALUE", "for --agentless: a key of fwsshd.conf; may be repeated",
     COMMAND_REMOTE | COMMAND_CONFIG, option_agent_option, 0, 0, 0},
    {"agent-dir", "DIR", "for --agentless: the directory of ARCH/fwssh-agent",
     COMMAND_REMOTE | COMMAND_CONFIG, option_text, PLACE(reach.agent_dir), 0, 0},
    {"host-key-alias", "NAME", "look up the host key under this name",
     COMMAND_REMOTE | COMMAND_CONFIG, option_text, PLACE(reach.host_key_alias), 0, 0},
    {"timeout", "SECONDS", "give up on a device after this time (push: none)",
     COMMAND_REMOTE | COMMAND_CONFIG, option_count, PLACE(reach.timeout), 86400, 0},
    {"ssh", "COMMAND", "the ssh to run (also: environment FWSSH_SSH)",
     COMMAND_REMOTE | COMMAND_CONFIG, option_text, PLACE(reach.ssh), 0, 0},
    {"ssh-option", "OPT", "passed to ssh as -o OPT; may be repeated",
     COMMAND_REMOTE | COMMAND_CONFIG, option_ssh_option, 0, 0, 0},
    {"log-dir", "DIR", "log everything printed and received, one file per push", COMMAND_PUSH,
     option_text, PLACE(output.log_dir), 0, 0},
    {"json", NULL, "one JSON object per line on standard output", COMMAND_MANY | COMMAND_LOCAL,
     option_flag, PLACE(output.json), 0, 0},
    {"quiet", NULL, "errors only", COMMAND_MANY, option_flag, PLACE(output.quiet), 0, 0},
    {"output", "FILE", "default upload.sh; - for standard output", COMMAND_SCRIPT, option_text,
     PLACE(output_file), 0, 'o'},
    {"from", "FILE", "lines NAME[,NAME...] TYPE KEY, as fwsshd --init-host-key prints the key (-)",
     COMMAND_KNOWN_HOSTS, option_text, PLACE(from), 0, 0},
    {"output", "FILE", "default: standard output", COMMAND_KNOWN_HOSTS, option_text,
     PLACE(output_file), 0, 'o'},
    {"port", "N", "the devices' port (8989)", COMMAND_KNOWN_HOSTS, option_count, PLACE(reach.port),
     65535, 0},
    {"alias", NULL, "the names are for --host-key-alias: they get no port", COMMAND_KNOWN_HOSTS,
     option_flag, PLACE(alias), 0, 0},
    {"force", NULL, "overwrite an existing file", COMMAND_SCRIPT, option_flag, PLACE(job.force), 0,
     'f'},
    {"help", NULL, "show this help", COMMAND_REMOTE | COMMAND_WRITES | COMMAND_LOCAL, option_flag,
     PLACE(help), 0, 'h'},
};

#define WORDS (sizeof words / sizeof *words)
static_assert(WORDS <= HOST_OPTIONS_MAX, "a bit for each in host_options.given");
/* getopt_long(3) returns WORD_BASE plus the index of the option; letters are below that. */
#define WORD_BASE 256

void host_options_print_help(FILE *out, unsigned commands)
{
    for (size_t i = 0; i < WORDS; i++) {
        const struct option_word *w = &words[i];
        char name[64];
        if (!(w->commands & commands))
            continue;
        snprintf(name, sizeof name, "--%s%s%s", w->name,
                 w->argument && *w->argument != '[' ? " " : "", w->argument ? w->argument : "");
        fprintf(out, "  %-*s %s\n", HELP_COLUMN, name, w->help);
    }
}

bool host_option_get(size_t number, struct host_option *o)
{
    if (number >= WORDS)
        return false;
    const struct option_word *w = &words[number];
    *o = (struct host_option){w->name, w->argument, w->help, w->commands};
    return true;
}

static void options_for_getopt(struct option names[WORDS + 1])
{
    for (size_t i = 0; i < WORDS; i++)
        names[i] = (struct option){.name = words[i].name,
                                   .has_arg = !words[i].argument          ? no_argument
                                              : *words[i].argument == '[' ? optional_argument
                                                                          : required_argument,
                                   .val = WORD_BASE + (int)i};
    names[WORDS] = (struct option){0};
}

static const struct option_word *options_find(int c)
{
    for (size_t i = 0; i < WORDS; i++)
        if (c == WORD_BASE + (int)i || (words[i].letter && c == words[i].letter))
            return &words[i];
    return NULL;
}

/* A number, or a percentage of the devices. */
int fleet_options_set_max_failures(struct fleet_options *f, struct error *err)
{
    const char *text = f->max_failures_text;
    uint64_t number;

    if (!text)
        return 0;
    size_t len = strlen(text);
    bool percent = len && text[len - 1] == '%';
    if (number_parse_decimal(text, len - percent, &number) || number > (percent ? 100 : 100000))
        return error_set(err, EXIT_USAGE, "--max-failures needs a number or a percentage, not '%s'",
                         text);
    f->max_failures = (int)(percent ? number * f->host_count / 100 : number);
    return 0;
}

static int host_options_check_agentless(struct host_options *o, struct error *err)
{
    o->reach.agent_task = o->job.task;
    if (!o->reach.agentless)
        return 0;
    if (o->reach.exec || strcmp(o->reach.subsystem, SUBSYSTEM_NERVES))
        return error_set(err, EXIT_USAGE, "--agentless cannot be used with --subsystem or --exec");
    if (o->job.stage)
        return error_set(err, EXIT_USAGE,
                         "--agentless cannot be used with --stage: nothing would remember on the "
                         "device what to activate");
    return 0;
}

int host_options_check(struct host_options *o, struct error *err)
{
    struct job_options *j = &o->job;

    if (o->reach.user && strchr(o->reach.user, '@'))
        return error_set(err, EXIT_USAGE, "--user '%s' must not contain an @", o->reach.user);
    if (j->task && (strpbrk(j->task, " =\n") || strlen(j->task) > TASK_MAX))
        return error_set(err, EXIT_USAGE, "'%s' is not a valid task", j->task);
    if (job_options_need_request(j) &&
        (o->reach.exec || strcmp(o->reach.subsystem, SUBSYSTEM_NERVES)))
        return error_set(err, EXIT_USAGE,
                         "--task and --stage need the subsystem fwssh, and cannot be used with "
                         "--subsystem or --exec");
    if (host_options_check_agentless(o, err))
        return -1;
    if (j->no_reboot && !strcmp(o->reach.subsystem, SUBSYSTEM_FWUP))
        return error_set(err, EXIT_USAGE,
                         "--no-reboot cannot be used with the subsystem fwup, where the device "
                         "decides");
    if ((o->fleet.canary || j->confirm) && !j->wait)
        j->wait = DEFAULT_WAIT;
    if (o->adaptive.dry_run && (o->adaptive.mode == ADAPTIVE_NEVER || o->reach.exec ||
                                strcmp(o->reach.subsystem, SUBSYSTEM_NERVES)))
        return error_set(err, EXIT_USAGE,
                         "--dry-run cannot be used with --adaptive=never, --subsystem or --exec, "
                         "with which the whole firmware is sent");
    if (j->stage && (j->wait || j->no_reboot))
        return error_set(err, EXIT_USAGE,
                         "--stage does not reboot: it cannot be used with --wait or --no-reboot");
    if (j->wait && j->no_reboot)
        return error_set(err, EXIT_USAGE, "--wait and --no-reboot cannot be used together");
    return 0;
}

const char *host_options_key(size_t number)
{
    return number < WORDS && words[number].commands & COMMAND_CONFIG ? words[number].name : NULL;
}

/* key: one of the configuration, for libconfuse knows no others. */
static const struct option_word *options_find_key(const char *key)
{
    size_t i = 0;

    while (i < WORDS - 1 && !(host_options_key(i) && !strcmp(words[i].name, key)))
        i++;
    return &words[i];
}

static bool option_is_list(const struct option_word *w)
{
    return w->set == option_ssh_option || w->set == option_agent_option;
}

bool host_options_is_list(const char *key)
{
    return option_is_list(options_find_key(key));
}

static uint64_t option_bit(const struct option_word *w)
{
    return 1ull << (w - words);
}

static bool option_was_given(const struct host_options *o, const char *key)
{
    return o->given & option_bit(options_find_key(key));
}

/* A flag is true or false in the configuration. */
static int option_set_text(struct host_options *o, const struct option_word *w, const char *value,
                           struct error *err)
{
    bool yes = !strcmp(value, "true");

    if (w->argument)
        return w->set(o, w, (char *)value, err);
    if (!yes && strcmp(value, "false"))
        return error_set(err, EXIT_USAGE, "%s is '%s', but must be true or false", w->name, value);
    return yes ? w->set(o, w, NULL, err) : 0;
}

int host_options_try(const char *key, const char *value, struct error *err)
{
    struct host_options o = {.reach = {.subsystem = SUBSYSTEM_NERVES}};
    int rc = option_set_text(&o, options_find_key(key), value, err) || host_options_check(&o, err)
                 ? -1
                 : 0;

    reach_free(&o.reach);
    return rc;
}

/* What the command line says, and what of the configuration would contradict it. */
static bool option_gives_way(const struct host_options *o, const char *key)
{
    if (!strcmp(key, "wait") || !strcmp(key, "confirm"))
        return o->job.no_reboot || o->job.stage;
    return !strcmp(key, "task") &&
           (option_was_given(o, "subsystem") || option_was_given(o, "exec"));
}

int host_options_default(struct host_options *own, const struct host_options *o, const char *key,
                         const char *value, struct error *err)
{
    const struct option_word *w = options_find_key(key);

    if (!option_is_list(w) && own->given & option_bit(w))
        return 0;
    if (option_gives_way(o, key))
        return 0;
    own->given |= option_bit(w);
    return option_set_text(own, w, value, err);
}

/* next: the word after an option. Where its value can be left out, a number is none: it would be
 * one more host to push to. */
static int options_check_next(const struct option_word *w, const char *value, const char *next,
                              struct error *err)
{
    if (value || !w->argument || !next || !*next || next[strspn(next, "0123456789")])
        return 0;
    return error_set(err, EXIT_USAGE,
                     "--%s takes its number as --%s=%.20s; if %.20s is a host, name it before",
                     w->name, w->name, next, next);
}

int host_options_parse(struct host_options *o, unsigned command, int argc, char **argv,
                       struct error *err)
{
    const char *letters = command == COMMAND_SCRIPT        ? ":hfo:"
                          : command == COMMAND_KNOWN_HOSTS ? ":ho:"
                                                           : ":h";
    struct option names[WORDS + 1];
    int c;

    *o = (struct host_options){.reach = {.subsystem = SUBSYSTEM_NERVES, .ssh = getenv("FWSSH_SSH")},
                               .fleet = {.jobs = DEFAULT_JOBS, .max_failures = -1},
                               .output_file = command == COMMAND_SCRIPT ? "upload.sh" : "-"};
    o->reach.secret = memory_new(1, sizeof *o->reach.secret);
    options_for_getopt(names);
    opterr = 0;
    while ((c = getopt_long(argc, argv, letters, names, NULL)) != -1) {
        const struct option_word *w = options_find(c);
        if (!w)
            return option_error(err, c, argv, names, "fwssh --help");
        if (options_check_next(w, optarg, argv[optind], err) || w->set(o, w, optarg, err))
            return -1;
        o->given |= option_bit(w);
    }
    if (o->reach.ssh)
        o->given |= option_bit(options_find_key("ssh"));
    if (command & (COMMAND_WRITES | COMMAND_LOCAL) && optind < argc)
        return error_set(err, EXIT_USAGE, "%s takes no '%s'", argv[0], argv[optind]);
    for (; optind < argc; optind++)
        if (host_list_add(&o->fleet, argv[optind], err))
            return -1;
    o->fleet.by_default = !o->fleet.host_count && !o->fleet.discovered;
    if (o->fleet.by_default && host_list_add(&o->fleet, HOST_DEFAULT, err))
        return -1;
    if (command & COMMAND_REMOTE && !o->help && host_config_load(o, err))
        return -1;
    host_list_unite(o);
    return host_options_check(o, err) || fleet_options_set_max_failures(&o->fleet, err) ? -1 : 0;
}

bool fleet_options_are_used(const struct fleet_options *f)
{
    return f->host_count > 1 || f->state || f->until;
}

int fleet_options_status(const struct fleet_options *f, int before, int one)
{
    if (one == EXIT_DONE || before == EXIT_INTERRUPTED)
        return before;
    return one == EXIT_INTERRUPTED || f->host_count == 1 ? one : EXIT_SOME_FAILED;
}

bool job_options_need_request(const struct job_options *o)
{
    return o->task || o->stage;
}

void host_options_free(struct host_options *o)
{
    host_config_free(o);
    reach_free(&o->reach);
    free(o->fleet.hosts);
    free(o->fleet.hosts_text);
    free(o->fleet.found_text);
}
