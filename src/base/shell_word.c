/* SPDX-License-Identifier: Apache-2.0 */
#include "base/shell_word.h"

void shell_word_add(struct buffer *out, const char *text)
{
    buffer_add_text(out, " '");
    for (const char *p = text; *p; p++)
        if (*p == '\'')
            buffer_add_text(out, "'\\''");
        else
            buffer_add(out, p, 1);
    buffer_add_text(out, "'");
}
