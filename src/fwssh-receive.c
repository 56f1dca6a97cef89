/* SPDX-License-Identifier: Apache-2.0 */
/* fwssh-receive: one update over standard input and output. Options and wiring only. */
#include "base/io.h"
#include "base/log.h"
#include "base/number.h"
#include "base/option_error.h"
#include "base/own_version.h"
#include "device/config/last_good.h"
#include "device/receive/confirm_guard.h"
#include "device/receive/finish.h"
#include "device/receive/local.h"
#include "device/receive/receive.h"
#include "wire/header.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char usage[] =
    "Usage: fwssh-receive [-f FILE] [-o KEY=VALUE]... -s SUBSYSTEM [--stderr] [--result-fd N]\n"
    "       fwssh-receive [-f FILE] [-o KEY=VALUE]... --file FIRMWARE [--no-reboot]\n"
    "       fwssh-receive [-f FILE] [-o KEY=VALUE]... --confirm | --confirm-within SECONDS |\n"
    "                     --revert REASON | --status\n"
    "       fwssh-receive -t | --version | --help\n"
    "\n"
    "Receives one firmware update on standard input. Started by fwsshd, or by sshd with the line\n"
    "  Subsystem nerves_firmware_ssh /usr/libexec/fwssh-receive -s nerves_firmware_ssh\n"
    "\n"
    "  -f FILE          configuration file (default " DEVICE_CONFIG_PATH ")\n"
    "  -o KEY=VALUE     set a configuration key\n"
    "  -s SUBSYSTEM     nerves_firmware_ssh (header, then data), fwup (data only) or fwssh\n"
    "                   (requests)\n"
    "  --file FIRMWARE  write a firmware that is at hand, on a USB stick for example, and reboot\n"
    "  --no-reboot      with --file: leave the reboot for later\n"
    "  --confirm        for start-up scripts: mark the running firmware as good\n"
    "  --revert REASON  make the previous firmware boot next; the script has to reboot\n"
    "  --confirm-within SECONDS  reboot unless confirmed by then; feeds the watchdog meanwhile\n"
    "  --status         print what the device knows about its slots\n"
    "  -t               check the configuration and print the resulting values\n"
    "  --stderr         send messages to standard error, which sshd drops\n"
    "  --result-fd N    fwsshd's socket for the result\n"
    "  --config-fd N    fwsshd's configuration, instead of -f and -o\n"
    "  --agent          for fwssh-agent: be updater and fwssh-hold, too; without the default\n"
    "                   configuration file, state-dir is the working directory\n"
    "  --volatile-host-key  fwsshd's host key does not survive a reboot\n";

enum local { LOCAL_NONE, LOCAL_CONFIRM, LOCAL_CONFIRM_WITHIN, LOCAL_REVERT, LOCAL_STATUS };

struct options {
    const char *config, *subsystem, *file;
    struct text_list overrides;
    bool no_reboot, use_stderr, test, volatile_key, agent;
    enum local local;
    const char *reason;
    int confirm_seconds;
    int result_fd, config_fd;
};

static int number_option(int *to, const char *name, int most, struct error *err)
{
    uint64_t number;

    if (number_parse_decimal(optarg, strlen(optarg), &number) || number > (uint64_t)most)
        return error_set(err, EXIT_USAGE, "--%s needs a number up to %d, but got '%s'", name, most,
                         optarg);
    *to = (int)number;
    return 0;
}

/* The last one does not count more than the others: a script may rely on either. */
static int choose_local(struct options *o, enum local wanted, struct error *err)
{
    static const char *const names[] = {[LOCAL_CONFIRM] = "confirm",
                                        [LOCAL_CONFIRM_WITHIN] = "confirm-within",
                                        [LOCAL_REVERT] = "revert",
                                        [LOCAL_STATUS] = "status"};

    if (o->local != LOCAL_NONE && o->local != wanted)
        return error_set(err, EXIT_USAGE, "--%s cannot be used with --%s", names[wanted],
                         names[o->local]);
    o->local = wanted;
    return 0;
}

static int check_options(const struct options *o, struct error *err)
{
    bool local = o->local != LOCAL_NONE;

    if (o->file && (o->subsystem || local))
        return error_set(err, EXIT_USAGE, "--file cannot be used with -s or another action");
    if (local && (o->subsystem || o->test))
        return error_set(err, EXIT_USAGE, "%s cannot be used with --confirm or another action",
                         o->test ? "-t" : "-s");
    if (o->no_reboot && !o->file)
        return error_set(err, EXIT_USAGE, "--no-reboot needs --file");
    if (!o->subsystem && !o->file && !o->test && !local)
        return error_set(err, EXIT_USAGE, "-s SUBSYSTEM is missing; see fwssh-receive --help");
    return 0;
}

static int parse_options(struct options *o, int argc, char **argv, struct error *err)
{
    static const struct option names[] = {
        {"stderr", no_argument, NULL, 'E'},
        {"result-fd", required_argument, NULL, 'R'},
        {"config-fd", required_argument, NULL, 'C'},
        {"volatile-host-key", no_argument, NULL, 'K'},
        {"agent", no_argument, NULL, 'A'},
        {"file", required_argument, NULL, 'F'},
        {"no-reboot", no_argument, NULL, 'N'},
        {"confirm", no_argument, NULL, 'c'},
        {"confirm-within", required_argument, NULL, 'W'},
        {"revert", required_argument, NULL, 'r'},
        {"status", no_argument, NULL, 'S'},
        {"version", no_argument, NULL, 'V'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    int c;

    opterr = 0;
    *o = (struct options){.result_fd = -1, .config_fd = -1};
    while ((c = getopt_long(argc, argv, ":f:o:s:th", names, NULL)) != -1) {
        switch (c) {
        case 'f':
            o->config = optarg;
            break;
        case 'o':
            text_list_add(&o->overrides, optarg);
            break;
        case 's':
            o->subsystem = optarg;
            break;
        case 't':
            o->test = true;
            break;
        case 'E':
            o->use_stderr = true;
            break;
        case 'R':
        case 'C':
            if (number_option(c == 'R' ? &o->result_fd : &o->config_fd,
                              c == 'R' ? "result-fd" : "config-fd", 1023, err))
                return -1;
            break;
        case 'K':
            o->volatile_key = true;
            break;
        case 'A':
            o->agent = true;
            break;
        case 'F':
            o->file = optarg;
            break;
        case 'N':
            o->no_reboot = true;
            break;
        case 'c':
            if (choose_local(o, LOCAL_CONFIRM, err))
                return -1;
            break;
        case 'W':
            if (number_option(&o->confirm_seconds, "confirm-within", 86400, err) ||
                choose_local(o, LOCAL_CONFIRM_WITHIN, err))
                return -1;
            break;
        case 'r':
            if (choose_local(o, LOCAL_REVERT, err))
                return -1;
            o->reason = optarg;
            break;
        case 'S':
            if (choose_local(o, LOCAL_STATUS, err))
                return -1;
            break;
        case 'V':
            printf("fwssh-receive %s\n", own_version);
            exit(io_end_output("fwssh-receive", EXIT_DONE));
        case 'h':
            fputs(usage, stdout);
            exit(io_end_output("fwssh-receive", EXIT_DONE));
        default:
            return option_error(err, c, argv, names, "fwssh-receive --help");
        }
    }
    if (optind < argc)
        return error_set(err, EXIT_USAGE, "unexpected argument '%s'", argv[optind]);
    return check_options(o, err);
}

static int print_configuration(const struct device_config *config)
{
    struct buffer text = {0};

    device_config_print(config, &text);
    fputs(buffer_text(&text), stdout);
    buffer_free(&text);
    return EXIT_DONE;
}

/* For the device's start-up scripts, and -t. */
static int run_local(const struct device_config *config, const struct options *o)
{
    switch (o->local) {
    case LOCAL_CONFIRM:
        return local_confirm(config);
    case LOCAL_CONFIRM_WITHIN:
        return confirm_guard_run(config, o->confirm_seconds);
    case LOCAL_REVERT:
        return local_revert(config, o->reason);
    case LOCAL_STATUS:
        return local_status(config);
    case LOCAL_NONE:
        break;
    }
    return print_configuration(config);
}

/* Of fwssh-agent: itself, although its file may be gone, and a directory that goes with it. */
#define AGENT_PROGRAM "/proc/self/exe"
#define AGENT_STATE_DIR "/proc/self/cwd"

/* Returns 0, 1 if it is the last good one, or -1. */
static int load_configuration(struct device_config *config, struct options *o, struct error *err)
{
    struct text_list given = o->overrides;

    if (o->agent && !o->config && access(DEVICE_CONFIG_PATH, F_OK)) {
        o->overrides = (struct text_list){0};
        text_list_add(&o->overrides, "state-dir=" AGENT_STATE_DIR);
        for (size_t i = 0; i < given.count; i++)
            text_list_add(&o->overrides, given.item[i]);
        free(given.item);
    }
    if (o->config_fd >= 0)
        return device_config_load_fd(config, o->config_fd, err);
    if (o->test)
        return device_config_load(config, o->config, &o->overrides, DEVICE_CONFIG_STRICT, err);
    return last_good_load(config, o->config, &o->overrides, err);
}

/* Makes the client one that sends this file, and shows both streams to the user. */
static int open_file(const struct options *o, struct client *client, struct error *err)
{
    struct header header = {.count = 1, .reboot = !o->no_reboot};
    struct stat st;

    client->is_local = true;
    client->err = STDERR_FILENO;
    client->in = open(o->file, O_RDONLY | O_NONBLOCK | O_CLOEXEC); /* of a pipe, it would wait */
    if (client->in < 0 || fstat(client->in, &st))
        return error_errno(err, "cannot open the firmware %s", o->file);
    if (!S_ISREG(st.st_mode))
        return error_set(err, EXIT_USAGE, "the firmware %s is not a regular file", o->file);
    header.size[0] = (uint64_t)st.st_size;
    header_print(&header, &client->ahead);
    return 0;
}

static int serve(struct device_config *config, const struct options *o, struct client *client)
{
    const struct subsystem *subsystem = subsystem_find(o->file ? SUBSYSTEM_NERVES : o->subsystem);
    struct error err;
    struct job job;

    if (!subsystem) {
        client_complain(client, "unknown subsystem (option -s)");
        return EXIT_USAGE;
    }
    if (o->file && open_file(o, client, &err)) {
        client_complain(client, err.text);
        return EXIT_USAGE;
    }
    client->idle_timeout = config->idle_timeout;
    job_open(&job, config, client);
    receive_run(&job, subsystem, o->volatile_key);
    finish(&job, o->result_fd);
    int status = (int)job.result.status;
    job_close(&job);
    return status;
}

int main(int argc, char **argv)
{
    struct device_config config;
    struct options o;
    struct client client;
    struct error err;
    int status = EXIT_USAGE;

    io_open_standard();
    signal(SIGPIPE, SIG_IGN);
    if (parse_options(&o, argc, argv, &err)) {
        fprintf(stderr, "fwssh-receive: %s\n", err.text);
        return EXIT_USAGE;
    }
    bool is_local = o.test || o.local != LOCAL_NONE;
    /* Not started by fwsshd: standard error leads nowhere (sshd drops it), so log to syslog. */
    log_open("fwssh-receive", LOG_LEVEL_INFO, o.result_fd < 0 && !is_local);
    client_open(&client, o.use_stderr, o.result_fd, 30);
    int from = load_configuration(&config, &o, &err);
    if (from < 0) {
        client_complain(&client, err.text);
    } else {
        if (o.agent)
            config.own_program = config.hold_program = AGENT_PROGRAM;
        /* What is not for syslog goes to a user, who reads it. */
        log_set_json(config.log_json && o.result_fd < 0 && !is_local);
        if (!from && o.config_fd < 0 && !is_local)
            last_good_keep(&config, o.config);
        status = is_local ? run_local(&config, &o) : serve(&config, &o, &client);
        device_config_free(&config);
    }
    client_close(&client);
    free(o.overrides.item);
    return is_local ? io_end_output("fwssh-receive", status) : status;
}
