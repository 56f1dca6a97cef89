/* SPDX-License-Identifier: Apache-2.0 */
#include "base/memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void *memory_checked(void *p)
{
    if (!p) {
        fputs("out of memory: stop other programs on this machine and try again\n", stderr);
        exit(1);
    }
    return p;
}

void *memory_new(size_t count, size_t size)
{
    return memory_checked(calloc(count ? count : 1, size));
}

void *memory_resize(void *old, size_t size)
{
    return memory_checked(realloc(old, size ? size : 1));
}

char *memory_text(const char *text)
{
    return memory_checked(strdup(text));
}

char *memory_vprintf(const char *fmt, va_list args)
{
    char *text = NULL;
    int rc = vasprintf(&text, fmt, args);

    return memory_checked(rc < 0 ? NULL : text);
}

char *memory_printf(const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    char *text = memory_vprintf(fmt, args);
    va_end(args);
    return text;
}
