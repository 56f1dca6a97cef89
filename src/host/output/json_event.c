/* SPDX-License-Identifier: Apache-2.0 */
#include "host/output/json_event.h"

#include <stdio.h>

void json_event(struct buffer *out, const char *event, const char *host)
{
    buffer_add_text(out, "{\"event\":");
    json_string(out, event);
    json_member(out, "host", host);
}

int json_event_fail(const struct error *err, bool json)
{
    struct buffer text = {0};

    fprintf(stderr, "fwssh: %s\n", err->text);
    if (json) {
        buffer_printf(&text, "{\"event\":\"error\",\"status\":%d", (int)err->status);
        json_member(&text, "text", err->text);
        buffer_add_text(&text, "}");
        puts(buffer_text(&text));
    }
    buffer_free(&text);
    return (int)err->status;
}
