/* SPDX-License-Identifier: Apache-2.0 */
#include "base/argv.h"

#include "base/memory.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void argv_take(struct argv *a, char *word)
{
    a->word = memory_resize(a->word, (a->count + 2) * sizeof *a->word);
    a->word[a->count++] = word;
    a->word[a->count] = NULL;
}

void argv_add(struct argv *a, const char *text)
{
    argv_take(a, memory_text(text));
}

void argv_printf(struct argv *a, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    argv_take(a, memory_vprintf(format, args));
    va_end(args);
}

void argv_add_pair(struct argv *a, const char *option, const char *value)
{
    argv_add(a, option);
    argv_add(a, value);
}

void argv_split(struct argv *a, const char *command)
{
    char *copy = memory_text(command), *rest = copy;

    for (char *word; (word = strsep(&rest, " \t"));)
        if (*word)
            argv_add(a, word);
    free(copy);
}

void argv_free(struct argv *a)
{
    for (size_t i = 0; i < a->count; i++)
        free(a->word[i]);
    free(a->word);
    *a = (struct argv){0};
}
