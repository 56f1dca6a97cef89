/* fwssh: the host's tool. Options and wiring only. */
#include "host/command/ask.h"
#include "host/command/check.h"
#include "host/command/gen_script.h"
#include "host/command/push.h"
#include "host/remote/ssh_command.h"

#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void print_statuses(FILE *out)
{
    fputs("Exit status:\n", out);
    for (int status = 0; exit_status_text(status); status++)
        fprintf(out, "  %2d  %s\n", status, exit_status_text(status));
}

static void print_usage(FILE *out)
{
    fprintf(out,
            "Usage: fwssh push [HOST...] [--firmware FILE] [--wait] [options]\n"
            "       fwssh status|log|confirm|revert|reboot|activate [HOST...] [options]\n"
            "       fwssh check [HOST...] [options]\n"
            "       fwssh gen-script [--output upload.sh] [--force]\n"
            "       fwssh --version | --help\n"
            "\n"
            "Sends a firmware to devices over SSH, by the ssh program of this machine, and asks "
            "what\n"
            "they run. HOST is what ssh takes (default " PUSH_DEFAULT_HOST ").\n"
            "\n"
            "%s\n",
            push_options_help);
    print_statuses(out);
}

static int run_word(const char *word, const struct push_options *options)
{
    if (!strcmp(word, "push"))
        return push_run(options);
    return !strcmp(word, "check") ? check_run(options) : ask_run(options, word);
}

static int run_with_options(int argc, char **argv)
{
    struct push_options options;
    const char *word = argv[0];
    struct error err;
    int status = EXIT_DONE;

    if (push_options_parse(&options, argc, argv, &err)) {
        fprintf(stderr, "fwssh: %s\n", err.text);
        status = EXIT_USAGE;
    } else if (options.help) {
        print_usage(stdout);
    } else {
        status = run_word(word, &options);
    }
    push_options_free(&options);
    return status;
}

int main(int argc, char **argv)
{
    const char *fifo = getenv(SSH_ASKPASS_VARIABLE);
    const char *word = argc > 1 ? argv[1] : "";

    signal(SIGPIPE, SIG_IGN);
    if (fifo)
        return ssh_askpass_answer(fifo, word);
    if (sodium_init() < 0)
        return EXIT_FAILED;
    if (!strcmp(word, "push") || !strcmp(word, "check") || ask_is_word(word))
        return run_with_options(argc - 1, argv + 1);
    if (!strcmp(word, "gen-script"))
        return gen_script_run(argc - 1, argv + 1);
    if (!strcmp(word, "--version")) {
        puts("fwssh " FWSSH_VERSION);
        return EXIT_DONE;
    }
    if (!strcmp(word, "--help") || !strcmp(word, "-h")) {
        print_usage(stdout);
        return EXIT_DONE;
    }
    print_usage(stderr);
    return EXIT_USAGE;
}
