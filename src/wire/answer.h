/*
 * What a device answers, and how it tells a person why it does not (PROTOCOL.md, "Subsystem fwssh"
 * and "Messages"):
 *
 *   answer  = "fwssh/1 ok" LF *( name "=" value LF ) / "fwssh/1 error " status " " reason LF
 *   message = "fwssh: " text LF
 */
#ifndef FWSSH_WIRE_ANSWER_H
#define FWSSH_WIRE_ANSWER_H

#include "base/buffer.h"
#include "base/error.h"
#include "wire/facts.h"

#include <stdbool.h>

struct answer {
    enum exit_status status; /* EXIT_DONE, or 1 to EXIT_WIRE_MAX */
    struct facts facts;      /* of "ok" */
    struct buffer reason;    /* of "error": one line without control characters */
};

/* Appends an answer. facts may be NULL. A status that may not be sent becomes EXIT_FAILED. */
void answer_print_ok(const struct facts *facts, struct buffer *text);
void answer_print_error(const struct error *err, struct buffer *text);

/*
 * Finds the first answer in a text, which may have other lines before it. False if there is none.
 * answer_free() frees what it holds, in any case.
 */
bool answer_parse(struct answer *a, const char *text);
void answer_free(struct answer *a);

/* Whether a line belongs to an answer, which is for a program and not for a person. */
bool answer_is_line(const char *line);

/* Appends a message. */
void answer_print_message(const char *message, struct buffer *text);

/* The message that a line holds, NULL if it holds none. */
const char *answer_message(const char *line);

/*
 * Why the device failed, by what it has printed: the last "error" of its answers, else its last
 * message. Appends to reason; false if it did not say.
 */
bool answer_find_reason(const char *out, const char *errors, struct buffer *reason);

#endif
