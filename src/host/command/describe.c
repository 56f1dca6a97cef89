/* SPDX-License-Identifier: Apache-2.0 */
#include "host/command/describe.h"

#include "base/json.h"
#include "host/command/firmware_find.h"
#include "host/output/firmware_view.h"

#include <stdio.h>

static void describe_print(const struct firmware_file *f, bool json)
{
    struct buffer text = {0};

    if (json) {
        buffer_add_text(&text, "{\"event\":\"describe\"");
        firmware_view_members(&text, f);
        buffer_add_text(&text, "}\n");
    } else {
        firmware_view_lines(&text, f);
    }
    fputs(buffer_text(&text), stdout);
    buffer_free(&text);
}

static void describe_fail(const struct error *err, bool json)
{
    struct buffer text = {0};

    fprintf(stderr, "fwssh: %s\n", err->text);
    if (json) {
        buffer_printf(&text, "{\"event\":\"error\",\"status\":%d", (int)err->status);
        json_member(&text, "text", err->text);
        buffer_add_text(&text, "}\n");
        fputs(buffer_text(&text), stdout);
    }
    buffer_free(&text);
}

int describe_run(const struct host_options *o)
{
    struct firmware_file f;
    struct error err;
    size_t fit;
    int status = EXIT_DONE;

    if (firmware_find(&f, o->job.firmware, o->job.target, &fit, &err)) {
        describe_fail(&err, o->output.json);
        status = (int)err.status;
    } else {
        describe_print(&f, o->output.json);
    }
    firmware_file_close(&f);
    return status;
}
