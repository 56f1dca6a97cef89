/* SPDX-License-Identifier: Apache-2.0 */
#include "host/output/json_event.h"

void json_event(struct buffer *out, const char *event, const char *host)
{
    buffer_add_text(out, "{\"event\":");
    json_string(out, event);
    json_member(out, "host", host);
}
