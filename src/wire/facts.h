/*
 * What a device says of itself: names with values, as lines NAME=VALUE. A name is made of letters,
 * digits, '.', '-' and '_'; a value is one line of text without control characters.
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

/* What would tear a terminal's line or a log's becomes '?': control characters, those of two bytes
 * (U+0080 to U+009F) too. */
void facts_clean(char *text);

/* Sets a fact, also one that is there. Control characters of the value become '?'; a name that is
 * none, or one too many, is left out. */
void facts_set(struct facts *f, const char *name, const char *value);

/* The same with a format. */
void facts_printf(struct facts *f, const char *name, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The value, "" if there is none. */
const char *facts_get(const struct facts *f, const char *name);

/* Takes the lines of a text that are facts; others are passed over. */
void facts_parse(struct facts *f, const char *text);

void facts_print(const struct facts *f, struct buffer *out);
void facts_free(struct facts *f);

#endif
