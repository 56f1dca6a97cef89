/*
 * A program's arguments, as execve(2) takes them. The list grows: an argument that does not fit is
 * the kernel's error (E2BIG), never one that is dropped.
 */
#ifndef FWSSH_BASE_ARGV_H
#define FWSSH_BASE_ARGV_H

#include <stddef.h>

struct argv {
    char **word; /* NULL-terminated, NULL while empty; the words are owned, too */
    size_t count;
};

/* Appends a copy of the text. */
void argv_add(struct argv *a, const char *text);
void argv_printf(struct argv *a, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Appends an option and its value. */
void argv_add_pair(struct argv *a, const char *option, const char *value);

/* Appends the words of a command, which blanks separate: no quotes, no shell. */
void argv_split(struct argv *a, const char *command);

void argv_free(struct argv *a);

#endif
