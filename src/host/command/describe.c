/* SPDX-License-Identifier: Apache-2.0 */
#include "host/command/describe.h"

#include "base/json.h"
#include "host/command/firmware_find.h"
#include "host/output/firmware_view.h"
#include "host/output/json_event.h"

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

int describe_run(const struct host_options *o)
{
    struct firmware_file f;
    struct error err;
    size_t fit;
    int status = EXIT_DONE;

    if (firmware_find(&f, o->job.firmware, o->job.target, &fit, &err))
        status = json_event_fail(&err, o->output.json);
    else
        describe_print(&f, o->output.json);
    firmware_file_close(&f);
    return status;
}
