/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A device's answers to programs, and its messages to the user (PROTOCOL.md, "Subsystem fwssh" and
 * "Exit status"):
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

/* Appends an answer. facts may be NULL. A status that is not allowed on the wire becomes
 * EXIT_FAILED. */
void answer_print_ok(const struct facts *facts, struct buffer *text);
void answer_print_error(const struct error *err, struct buffer *text);

/* Parses the first answer in a text, which may have other text before it, also in the same line.
 * Returns false if there is none; answer_free() in any case. */
bool answer_parse(struct answer *a, const char *text);
void answer_free(struct answer *a);

/* Whether a line is the first one of an answer, which is for programs, not for the user. */
bool answer_is_line(const char *line);

/* Appends a message. */
void answer_print_message(const char *message, struct buffer *text);

/* The message in a line (not copied), or NULL if the line is not a message. */
const char *answer_message(const char *line);

/* Appends the reason for a failure on the device to reason, from what the device has printed: the
 * last "error" answer, else the last message. Returns false if there is none. */
bool answer_find_reason(const char *out, const char *errors, struct buffer *reason);

#endif
