/* SPDX-License-Identifier: Apache-2.0 */
#include "host/command/gen_script.h"

#include "base/buffer.h"
#include "base/io.h"
#include "host/output/ask_yes.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* The lines of upload.sh, generated from that file at build time. */
static const char *const script_lines[] = {
#include "upload.sh.inc"
};

/* Asks the user, as the mix task of nerves_firmware_ssh does; without a terminal, --force is
 * needed. */
static bool gen_script_may_overwrite(const char *path)
{
    struct buffer question = {0};

    if (!ask_yes_is_possible()) {
        fprintf(stderr, "fwssh: %s exists; use --force to overwrite it\n", path);
        return false;
    }
    buffer_printf(&question, "%s exists. Overwrite it?", path);
    bool yes = ask_yes(buffer_text(&question));
    buffer_free(&question);
    return yes;
}

static int gen_script_write(const char *path, bool force)
{
    struct buffer text = {0};
    struct error err;
    int status = EXIT_FAILED;

    for (size_t i = 0; i < sizeof script_lines / sizeof *script_lines; i++)
        buffer_add_text(&text, script_lines[i]);
    if (!strcmp(path, "-")) {
        fputs(text.data, stdout);
        status = EXIT_DONE;
    } else if (force || access(path, F_OK) || gen_script_may_overwrite(path)) {
        if (io_write_file(path, text.data, text.len, 0755, &err)) {
            fprintf(stderr, "fwssh: %s\n", err.text);
        } else {
            printf("Wrote %s: %s%s [destination] [file.fw]\n", path, *path == '/' ? "" : "./",
                   path);
            status = EXIT_DONE;
        }
    }
    buffer_free(&text);
    return status;
}

int gen_script_run(const struct host_options *o)
{
    return gen_script_write(o->output_file, o->job.force);
}
