/* SPDX-License-Identifier: Apache-2.0 */
/* fwpack: creates, checks and applies firmware archives. Options and wiring only. */
#include "base/device_lock.h"
#include "base/io.h"
#include "engine/pack/pack_run.h"
#include "wire/updater_result.h"

#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void tell_error(struct pack_options *o, const struct error *err)
{
    if (err->status == EXIT_USAGE && !o->words) {
        if (*err->text)
            report_error(&o->report, err->text);
        if (!o->report.framing)
            pack_options_usage();
        return;
    }
    /* Ends the line of the progress bar. */
    if (o->report.active && o->command == PACK_APPLY && o->report.progress != REPORT_QUIET &&
        !o->report.framing)
        fputc('\n', stderr);
    report_error(&o->report, err->text);
}

static void shake_hands(int status)
{
    const char bytes[2] = {0x1a, (char)status};
    char rest[4096];

    fflush(stdout);
    if (io_write_all(STDOUT_FILENO, bytes, sizeof bytes))
        return;
    while (read(STDIN_FILENO, rest, sizeof rest) > 0)
        ;
}

int main(int argc, char **argv)
{
    static struct pack_options options;
    struct error err = {0};
    struct meta_identity identity = {0};

    io_open_standard();
    updater_result_look();
    device_lock_look();
    signal(SIGPIPE, SIG_IGN);
    if (sodium_init() < 0)
        return EXIT_FAILED;
    int rc = pack_options_parse(&options, argc, argv, &err) || pack_run(&options, &identity, &err)
                 ? -1
                 : 0;
    int status = rc ? (int)err.status : EXIT_DONE;
    if (rc)
        tell_error(&options, &err);
    if (rc)
        updater_result_tell_because(err.text);
    updater_result_tell(status, identity.uuid, identity.version);
    sodium_memzero(options.private_key, sizeof options.private_key);
    if (!options.words && status)
        status = EXIT_FAILED;
    if (options.command != PACK_APPLY && options.command != PACK_ACTIVATE)
        status = io_end_output("fwpack", status);
    if (options.exit_handshake)
        shake_hands(status);
    return status;
}
