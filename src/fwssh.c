/* SPDX-License-Identifier: Apache-2.0 */
/* fwssh: the tool on the host. Options and wiring only. */
#include "base/io.h"
#include "base/nearest.h"
#include "base/own_version.h"
#include "host/command/ask.h"
#include "host/command/check.h"
#include "host/command/completion.h"
#include "host/command/describe.h"
#include "host/command/discover.h"
#include "host/command/gen_script.h"
#include "host/command/known_hosts.h"
#include "host/command/push.h"
#include "host/command/selftest.h"
#include "host/remote/ssh_askpass.h"

#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int run_push(struct host_options *o, const char *word)
{
    (void)word;
    return push_run(o);
}

static int run_check(struct host_options *o, const char *word)
{
    (void)word;
    return check_run(o);
}

static int run_ask(struct host_options *o, const char *word)
{
    return ask_run(o, request_find_verb(word));
}

static int run_describe(struct host_options *o, const char *word)
{
    (void)word;
    return describe_run(o);
}

static int run_discover(struct host_options *o, const char *word)
{
    (void)word;
    return discover_run(o);
}

static int run_gen_script(struct host_options *o, const char *word)
{
    (void)word;
    return gen_script_run(o);
}

static int run_selftest(struct host_options *o, const char *word)
{
    (void)word;
    return selftest_run(o);
}

static int run_known_hosts(struct host_options *o, const char *word)
{
    (void)word;
    return known_hosts_run(o);
}

static const struct command {
    const char *word;
    const char *arguments;
    const char *help;
    enum command_set set;
    int (*run)(struct host_options *o, const char *word);
} commands[] = {
    {"push", "[HOST...]", "send a firmware to devices, which write it and reboot", COMMAND_PUSH,
     run_push},
    {"status", "[HOST...]", "show what runs, what boots next, and what the device can do",
     COMMAND_ASK, run_ask},
    {"confirm", "[HOST...]", "mark the running firmware as good", COMMAND_ASK, run_ask},
    {"revert", "[HOST...]", "go back to the previous firmware", COMMAND_REVERT, run_ask},
    {"reboot", "[HOST...]", "reboot the device", COMMAND_ASK, run_ask},
    {"activate", "[HOST...]", "boot the firmware that push --stage has written", COMMAND_ASK,
     run_ask},
    {"log", "[HOST...]", "show how the last update ended", COMMAND_ASK, run_ask},
    {"check", "[HOST...]", "check step by step whether a push would work", COMMAND_CHECK,
     run_check},
    {"selftest", "HOST", "damage and interrupt pushes to a device, and report what comes of it",
     COMMAND_SELFTEST, run_selftest},
    {"discover", "", "list the devices that announce themselves on the local network",
     COMMAND_DISCOVER, run_discover},
    {"describe", "", "show what a firmware says of itself", COMMAND_DESCRIBE, run_describe},
    {"gen-script", "", "write upload.sh, a script that pushes with ssh alone", COMMAND_SCRIPT,
     run_gen_script},
    {"known-hosts", "", "make known_hosts lines of the host keys that the factory has recorded",
     COMMAND_KNOWN_HOSTS, run_known_hosts},
};

#define COMMANDS (sizeof commands / sizeof *commands)

static void print_help(void)
{
    puts("Usage: fwssh COMMAND [HOST...] [options]\n"
         "\n"
         "Sends firmware to devices over SSH, with this machine's ssh program, and queries their\n"
         "status. HOST is anything that ssh accepts (default " HOST_DEFAULT ").\n");
    for (size_t i = 0; i < COMMANDS; i++)
        printf("  %-12s %s\n", commands[i].word, commands[i].help);
    puts("\nfwssh COMMAND --help shows a command's options; fwssh --version the version; fwssh\n"
         "completion bash|zsh|fish prints a script for that shell.\n\n"
         "Exit status:");
    for (int status = 0; exit_status_text(status); status++)
        printf("  %2d  %s\n", status, exit_status_text(status));
}

static void print_command_help(const struct command *c)
{
    printf("Usage: fwssh %s%s%s [options]: %s\n\n", c->word, *c->arguments ? " " : "", c->arguments,
           c->help);
    host_options_print_help(stdout, c->set);
}

static const struct command *find_command(const char *word)
{
    for (size_t i = 0; i < COMMANDS; i++)
        if (!strcmp(word, commands[i].word))
            return &commands[i];
    return NULL;
}

static int complain_about(const char *word)
{
    struct nearest near = {.word = word};

    for (size_t i = 0; i < COMMANDS; i++)
        nearest_try(&near, commands[i].word);
    if (!*word)
        fputs("fwssh: which command? See fwssh --help\n", stderr);
    else if (near.best)
        fprintf(stderr, "fwssh: unknown command '%s'; did you mean %s?\n", word, near.best);
    else
        fprintf(stderr, "fwssh: unknown command '%s'; see fwssh --help\n", word);
    return EXIT_USAGE;
}

static int run_completion(const char *shell)
{
    struct completion_command list[COMMANDS];

    for (size_t i = 0; i < COMMANDS; i++)
        list[i] = (struct completion_command){commands[i].word, commands[i].help, commands[i].set};
    return completion_run(shell, list, COMMANDS);
}

static int run_command(const struct command *c, int argc, char **argv)
{
    struct host_options options;
    struct error err;
    int status = EXIT_DONE;

    if (host_options_parse(&options, c->set, argc, argv, &err)) {
        if (*err.text)
            fprintf(stderr, "fwssh: %s\n", err.text);
        status = EXIT_USAGE;
    } else if (options.help) {
        print_command_help(c);
    } else {
        status = c->run(&options, c->word);
    }
    host_options_free(&options);
    return status;
}

/* fwssh help [COMMAND] */
static int run_help(const char *word)
{
    const struct command *c = word ? find_command(word) : NULL;

    if (word && !c)
        return complain_about(word);
    if (c)
        print_command_help(c);
    else
        print_help();
    return EXIT_DONE;
}

static int run(int argc, char **argv)
{
    const char *word = argc > 1 ? argv[1] : "";
    const struct command *c = find_command(word);

    if (c)
        return run_command(c, argc - 1, argv + 1);
    if (!strcmp(word, "completion"))
        return run_completion(argv[2]);
    if (!strcmp(word, "--version")) {
        printf("fwssh %s\n", own_version);
        return EXIT_DONE;
    }
    if (!strcmp(word, "help") || !strcmp(word, "--help") || !strcmp(word, "-h"))
        return run_help(argv[2]);
    return complain_about(word);
}

int main(int argc, char **argv)
{
    const char *askpass = getenv(SSH_ASKPASS_VARIABLE);

    io_open_standard();
    signal(SIGPIPE, SIG_IGN);
    if (askpass)
        return ssh_askpass_answer(askpass, argc > 1 ? argv[1] : "");
    if (sodium_init() < 0)
        return EXIT_FAILED;
    return io_end_output("fwssh", run(argc, argv));
}
