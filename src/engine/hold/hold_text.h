/* SPDX-License-Identifier: Apache-2.0 */
/* Text of the updater on its way to the host. A bar of progress, which is drawn over itself a
 * hundred times, would be most of what comes back in a small push: it is sent once a second. */
#ifndef FWSSH_ENGINE_HOLD_HOLD_TEXT_H
#define FWSSH_ENGINE_HOLD_HOLD_TEXT_H

#include "base/buffer.h"

#include <stdbool.h>

struct hold_text {
    struct buffer bar; /* from its carriage return on, not sent yet */
    bool in_bar;
    double shown; /* io_now() when the last one was sent */
};

void hold_text_close(struct hold_text *t);

/* Takes over what has come; appends what is to be sent. now: io_now(). */
void hold_text_add(struct hold_text *t, const char *bytes, size_t len, double now,
                   struct buffer *out);

/* Appends a bar that has waited long enough; end: any bar, as no more text comes. */
void hold_text_look(struct hold_text *t, double now, bool end, struct buffer *out);

#endif
