/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/hold/hold_text.h"

#define TEXT_BAR_SECONDS 1.0
/* More is no bar. */
#define TEXT_BAR_MAX 4096

void hold_text_close(struct hold_text *t)
{
    buffer_free(&t->bar);
}

static void text_show(struct hold_text *t, struct buffer *out)
{
    if (t->bar.len)
        buffer_add(out, t->bar.data, t->bar.len);
    buffer_clear(&t->bar);
}

void hold_text_look(struct hold_text *t, double now, bool end, struct buffer *out)
{
    if (!t->bar.len || (!end && now < t->shown + TEXT_BAR_SECONDS))
        return;
    text_show(t, out);
    t->shown = now;
}

void hold_text_add(struct hold_text *t, const char *bytes, size_t len, double now,
                   struct buffer *out)
{
    for (size_t i = 0; i < len; i++) {
        if (bytes[i] == '\r') {
            hold_text_look(t, now, false, out);
            buffer_clear(&t->bar); /* drawn over */
            t->in_bar = true;
        }
        buffer_add(t->in_bar ? &t->bar : out, &bytes[i], 1);
        if (t->in_bar && (bytes[i] == '\n' || t->bar.len == TEXT_BAR_MAX)) {
            text_show(t, out);
            t->in_bar = false;
        }
    }
}
