/* SPDX-License-Identifier: Apache-2.0 */
/* fwssh-hold: puts a firmware together from what the device holds and what the host sends. Started
 * by fwssh-receive, with the descriptors of hold_link.h. Options and wiring only. */
#include "base/io.h"
#include "base/log.h"
#include "base/number.h"
#include "base/option_error.h"
#include "base/own_version.h"
#include "engine/hold/hold.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

static const char usage[] =
    "Usage: fwssh-hold -d DEVICE [--task NAME] [--public-key[-file] KEY]... [--source PATH]...\n"
    "                  [--uid N] [--idle-timeout SECONDS] [--coarse]\n"
    "       fwssh-hold --version | --help\n"
    "\n"
    "Started by fwssh-receive for a push that sends only what the device lacks.\n";

static int add_key(struct hold_options *o, const char *key, bool is_text, struct error *err)
{
    if (o->keys.count == KEYS_MAX)
        return 0; /* as many as the updaters try */
    uint8_t *to = o->keys.key[o->keys.count++];
    return is_text ? keys_parse(key, to, KEYS_PUBLIC_SIZE, err)
                   : keys_read_file(key, to, KEYS_PUBLIC_SIZE, err);
}

static int read_number(int *to, struct error *err)
{
    uint64_t number;

    if (number_parse_decimal(optarg, strlen(optarg), &number) || number > INT32_MAX)
        return error_set(err, EXIT_USAGE, "'%s' is no number", optarg);
    *to = (int)number;
    return 0;
}

enum { OPTION_SHOWN = 1 };

static int parse_options(struct hold_options *o, int argc, char **argv, struct error *err)
{
    static const struct option names[] = {
        {"device", required_argument, NULL, 'd'},
        {"task", required_argument, NULL, 't'},
        {"public-key-file", required_argument, NULL, 'p'},
        {"public-key", required_argument, NULL, 'k'},
        {"source", required_argument, NULL, 's'},
        {"uid", required_argument, NULL, 'u'},
        {"idle-timeout", required_argument, NULL, 'i'},
        {"coarse", no_argument, NULL, 'c'},
        {"version", no_argument, NULL, 'V'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    int c;

    opterr = 0;
    *o = (struct hold_options){.task = "", .uid = -1, .idle_timeout = 60, .finest = true};
    while ((c = getopt_long(argc, argv, ":d:p:h", names, NULL)) != -1) {
        switch (c) {
        case 'd':
            o->device = optarg;
            break;
        case 't':
            o->task = optarg;
            break;
        case 'p':
            if (add_key(o, optarg, false, err))
                return -1;
            break;
        case 'k':
            if (add_key(o, optarg, true, err))
                return -1;
            break;
        case 's':
            if (o->sources < HOLD_GIVEN_MAX)
                o->source[o->sources++] = optarg;
            break;
        case 'u':
        case 'i':
            if (read_number(c == 'u' ? &o->uid : &o->idle_timeout, err))
                return -1;
            break;
        case 'c':
            o->finest = false;
            break;
        case 'V':
            printf("fwssh-hold %s\n", own_version);
            return OPTION_SHOWN;
        case 'h':
            fputs(usage, stdout);
            return OPTION_SHOWN;
        default:
            return option_error(err, c, argv, names, "fwssh-hold --help");
        }
    }
    return o->device ? 0 : error_set(err, EXIT_USAGE, "-d DEVICE is missing");
}

int main(int argc, char **argv)
{
    struct hold_options options;
    struct error err;
    int rc = parse_options(&options, argc, argv, &err);

    if (rc == OPTION_SHOWN)
        return EXIT_DONE;
    if (rc) {
        fprintf(stderr, "fwssh-hold: %s\n", err.text);
        hold_refuse(&err);
        return (int)err.status;
    }
    signal(SIGPIPE, SIG_IGN);
    return hold_run(&options);
}
