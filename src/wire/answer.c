/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/answer.h"

#include "base/clean.h"
#include "wire/request.h"

#include <stdio.h>
#include <string.h>

static const char answer_start[] = REQUEST_VERSION " ";
static const char answer_ok[] = REQUEST_VERSION " ok\n";
static const char answer_error[] = REQUEST_VERSION " error ";
static const char message_start[] = "fwssh: ";

static void answer_clean(struct buffer *b)
{
    if (b->data)
        clean_line(b->data);
}

static bool answer_starts(const char *text, const char *with)
{
    return !strncmp(text, with, strlen(with));
}

/* The next line after this one, NULL if this is the last. */
static const char *answer_next_line(const char *line)
{
    const char *end = strchr(line, '\n');

    return end && end[1] ? end + 1 : NULL;
}

void answer_print_ok(const struct facts *facts, struct buffer *text)
{
    buffer_add_text(text, answer_ok);
    if (facts)
        facts_print(facts, text);
}

void answer_print_error(const struct error *err, struct buffer *text)
{
    enum exit_status status = err->status <= EXIT_WIRE_MAX ? err->status : EXIT_FAILED;

    buffer_printf(text, "%s%d %s\n", answer_error, (int)status, err->text);
}

/* line is "fwssh/1 error STATUS REASON". */
static void answer_parse_error(const char *line, enum exit_status *status, struct buffer *reason)
{
    int number = 0, at = 0;
    const char *rest = line + strlen(answer_error);

    if (sscanf(rest, "%d %n", &number, &at) < 1)
        at = 0;
    *status = number >= 1 && number <= EXIT_WIRE_MAX ? (enum exit_status)number : EXIT_FAILED;
    buffer_add(reason, rest + at, strcspn(rest + at, "\r\n"));
    answer_clean(reason);
}

/* The answer in a line, at its end if it is "ok"; NULL if there is none. A shell may have printed
 * before it, without a newline. */
static const char *answer_in(const char *line)
{
    const char *end = line + strcspn(line, "\n");

    for (const char *at = line; (at = strstr(at, answer_start)) && at < end; at++)
        if (answer_starts(at, answer_ok) || answer_starts(at, answer_error))
            return at;
    return NULL;
}

bool answer_parse(struct answer *a, const char *text)
{
    const char *at = NULL;

    *a = (struct answer){0};
    for (const char *line = text; line && !at; line = answer_next_line(line))
        at = answer_in(line);
    if (at && answer_starts(at, answer_ok))
        facts_parse(&a->facts, at + strlen(answer_ok));
    else if (at)
        answer_parse_error(at, &a->status, &a->reason);
    return at != NULL;
}

void answer_free(struct answer *a)
{
    facts_free(&a->facts);
    buffer_free(&a->reason);
}

bool answer_is_line(const char *line)
{
    return answer_in(line) || answer_starts(line, answer_start);
}

void answer_print_message(const char *message, struct buffer *text)
{
    buffer_printf(text, "%s%s\n", message_start, message);
}

const char *answer_message(const char *line)
{
    return answer_starts(line, message_start) ? line + strlen(message_start) : NULL;
}

static bool answer_find_error(const char *text, struct buffer *reason)
{
    enum exit_status ignored;
    bool found = false;

    for (const char *line = text; line; line = answer_next_line(line)) {
        const char *at = answer_in(line);
        if (!at || !answer_starts(at, answer_error))
            continue;
        buffer_clear(reason);
        answer_parse_error(at, &ignored, reason);
        found = true;
    }
    return found;
}

static bool answer_find_message(const char *text, struct buffer *reason)
{
    const char *found = NULL;

    for (const char *line = text; line; line = answer_next_line(line))
        found = answer_message(line) ? answer_message(line) : found;
    if (!found)
        return false;
    buffer_add(reason, found, strcspn(found, "\r\n"));
    answer_clean(reason);
    return true;
}

/* Behind what a shell has printed without a newline, before anything else. */
static bool answer_find_message_in_first(const char *out, struct buffer *reason)
{
    const char *at = strstr(out, message_start);

    if (!at || at > out + strcspn(out, "\n"))
        return false;
    at += strlen(message_start);
    buffer_add(reason, at, strcspn(at, "\r\n"));
    answer_clean(reason);
    return true;
}

bool answer_find_reason(const char *out, const char *errors, struct buffer *reason)
{
    return answer_find_error(out, reason) || answer_find_message(errors, reason) ||
           answer_find_message(out, reason) || answer_find_message_in_first(out, reason);
}
