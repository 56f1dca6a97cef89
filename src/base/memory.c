#include "base/memory.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *memory_checked(void *p)
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

char *memory_printf(const char *fmt, ...)
{
    char *text = NULL;
    va_list ap;

    va_start(ap, fmt);
    int rc = vasprintf(&text, fmt, ap);
    va_end(ap);
    return memory_checked(rc < 0 ? NULL : text);
}
