/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a device reports about itself: NAME=VALUE lines (PROTOCOL.md, "Subsystem fwssh"). A name
 * consists of letters, digits, '.', '-' and '_'; a value is one line of text without control
 * characters.
 */
#ifndef FWSSH_WIRE_FACTS_H
#define FWSSH_WIRE_FACTS_H

#include "base/buffer.h"

#include <stddef.h>

#define FACTS_MAX 256

struct fact {
    char *name, *value;
};

struct facts {
    size_t count;
    struct fact fact[FACTS_MAX];
};

/* Sets or replaces a fact; both texts are copied. The value is cleaned (base/clean.h). A
 * fact with an invalid name, or beyond FACTS_MAX, is ignored. */
void facts_set(struct facts *f, const char *name, const char *value);

/* Like facts_set(), with a format; up to 1023 bytes. */
void facts_printf(struct facts *f, const char *name, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The value, or "" if it is not set. */
const char *facts_get(const struct facts *f, const char *name);

/* Sets the facts in a text; lines that are not facts are skipped. */
void facts_parse(struct facts *f, const char *text);

/* Appends a line for each fact. */
void facts_print(const struct facts *f, struct buffer *out);
void facts_free(struct facts *f);

#endif
