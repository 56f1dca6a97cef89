/* SPDX-License-Identifier: Apache-2.0 */
#include "base/shell_word.h"

#include <string.h>

/* Outside of the quotes: csh looks for its history in them, and fish for backslashes. */
void shell_word_add(struct buffer *out, const char *text)
{
    buffer_add_text(out, " '");
    for (const char *p = text; *p; p++)
        if (strchr("'\\!", *p))
            buffer_printf(out, "'\\%c'", *p);
        else
            buffer_add(out, p, 1);
    buffer_add_text(out, "'");
}
