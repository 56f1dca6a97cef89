/*
 * Allocation that cannot fail: every program here keeps a small, bounded amount of memory, so there
 * is nothing sensible to do when not even that is there but to end with a clear line.
 */
#ifndef FWSSH_BASE_MEMORY_H
#define FWSSH_BASE_MEMORY_H

#include <stdarg.h>
#include <stddef.h>

/* Zeroed memory for count elements of the size; the caller owns it and frees it with free(3). */
void *memory_new(size_t count, size_t size);
void *memory_resize(void *old, size_t size);
char *memory_text(const char *text);
char *memory_printf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
char *memory_vprintf(const char *fmt, va_list args) __attribute__((format(printf, 1, 0)));

#endif
