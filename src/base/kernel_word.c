/* SPDX-License-Identifier: Apache-2.0 */
#include "base/kernel_word.h"

#include "base/io.h"
#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

#define CMDLINE_MAX 65536

char *kernel_word(const char *cmdline, const char *name)
{
    struct buffer text = {0};
    struct error ignored;
    size_t len = strlen(name);
    char *value = NULL;

    if (!io_read_file(cmdline, CMDLINE_MAX, &text, &ignored) && text.len)
        for (const char *at = buffer_text(&text); *at; at += strcspn(at, " \t\n")) {
            at += strspn(at, " \t\n");
            if (strncmp(at, name, len) != 0 || at[len] != '=')
                continue;
            free(value);
            value = memory_printf("%.*s", (int)strcspn(at + len + 1, " \t\n"), at + len + 1);
        }
    buffer_free(&text);
    return value;
}
