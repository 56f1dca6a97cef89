/* fwssh: the host's tool. Options and wiring only. */
#include "push/check.h"
#include "push/gen_script.h"
#include "push/push.h"
#include "push/ssh_command.h"

#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void print_usage(FILE *out)
{
    fprintf(
        out,
        "Usage: fwssh push [HOST...] [--firmware FILE] [options]\n"
        "       fwssh check [HOST...] [options]\n"
        "       fwssh gen-script [--output upload.sh] [--force]\n"
        "       fwssh --version | --help\n"
        "\n"
        "Sends a firmware to a device over SSH, by the ssh program of this machine.\n"
        "HOST is what ssh takes (default " PUSH_DEFAULT_HOST ").\n"
        "\n"
        "%s"
        "\n"
        "Exit status: 0 done, 1 failed, 2 usage, 3 refused by the device, 4 firmware does not fit "
        "or is\n"
        "damaged, 5 key or host key, 6 unreachable or lost before the last byte, 7 interrupted,\n"
        "9 lost after the last byte, 10 some of several devices failed\n",
        push_options_help);
}

static int run_with_options(int (*run)(const struct push_options *), int argc, char **argv)
{
    struct push_options options;
    struct error err;
    int status = EXIT_DONE;

    if (push_options_parse(&options, argc, argv, &err)) {
        fprintf(stderr, "fwssh: %s\n", err.text);
        status = EXIT_USAGE;
    } else if (options.help) {
        print_usage(stdout);
    } else {
        status = run(&options);
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
    if (!strcmp(word, "push"))
        return run_with_options(push_run, argc - 1, argv + 1);
    if (!strcmp(word, "check"))
        return run_with_options(check_run, argc - 1, argv + 1);
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
