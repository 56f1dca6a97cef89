/* SPDX-License-Identifier: Apache-2.0 */
/* Allocation that cannot fail: these programs use little, bounded memory, so if even that is not
 * available, all they can do is exit with a clear message. */
#ifndef FWSSH_BASE_MEMORY_H
#define FWSSH_BASE_MEMORY_H

#include <stdarg.h>
#include <stddef.h>

/* Returns p, from an allocation of somebody else; exits if it is NULL. */
void *memory_checked(void *p);

/* Zeroed memory for count elements of size bytes. The caller owns the result of each of these
 * functions and frees it with free(3). */
void *memory_new(size_t count, size_t size);
void *memory_resize(void *old, size_t size);
char *memory_text(const char *text);
char *memory_printf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
char *memory_vprintf(const char *fmt, va_list args) __attribute__((format(printf, 1, 0)));

#endif
