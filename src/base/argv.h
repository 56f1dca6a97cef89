/* SPDX-License-Identifier: Apache-2.0 */
/* A program's arguments, as for execve(2). The list grows as needed: arguments are never dropped;
 * too many of them are an error of execve() (E2BIG). */
#ifndef FWSSH_BASE_ARGV_H
#define FWSSH_BASE_ARGV_H

#include <stddef.h>

struct argv {
    char **word; /* NULL-terminated, NULL while empty; owned, as are the words */
    size_t count;
};

/* Appends a copy of the text. */
void argv_add(struct argv *a, const char *text);
void argv_printf(struct argv *a, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Appends an option and its value. */
void argv_add_pair(struct argv *a, const char *option, const char *value);

/* Appends the words of a command, separated by blanks; no quoting, no shell. */
void argv_split(struct argv *a, const char *command);

void argv_free(struct argv *a);

#endif
