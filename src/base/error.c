/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"

#include "base/clean.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int error_set(struct error *err, enum exit_status status, const char *fmt, ...)
{
    va_list ap;

    err->status = status;
    va_start(ap, fmt);
    vsnprintf(err->text, sizeof err->text, fmt, ap);
    va_end(ap);
    clean_line(err->text);
    return -1;
}

int error_errno(struct error *err, const char *fmt, ...)
{
    int saved = errno;
    va_list ap;

    err->status = EXIT_FAILED;
    va_start(ap, fmt);
    vsnprintf(err->text, sizeof err->text, fmt, ap);
    va_end(ap);
    size_t used = strlen(err->text);
    snprintf(err->text + used, sizeof err->text - used, ": %s", strerror(saved));
    clean_line(err->text);
    return -1;
}

int error_prefix(struct error *err, const char *fmt, ...)
{
    char old[sizeof err->text];
    va_list ap;

    memcpy(old, err->text, sizeof old);
    va_start(ap, fmt);
    vsnprintf(err->text, sizeof err->text, fmt, ap);
    va_end(ap);
    size_t used = strlen(err->text);
    snprintf(err->text + used, sizeof err->text - used, ": %s", old);
    clean_line(err->text);
    return -1;
}

int error_suffix(struct error *err, const char *fmt, ...)
{
    size_t len = strlen(err->text);
    va_list ap;

    if (len + 3 > sizeof err->text)
        return -1;
    memcpy(err->text + len, "; ", 3);
    va_start(ap, fmt);
    vsnprintf(err->text + len + 2, sizeof err->text - len - 2, fmt, ap);
    va_end(ap);
    clean_line(err->text);
    return -1;
}
