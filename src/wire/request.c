/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/request.h"

#include "base/memory.h"
#include "base/number.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name;
    bool changes;
} request_verbs[] = {
    [REQUEST_STATUS] = {"status", false},    [REQUEST_LOG] = {"log", false},
    [REQUEST_CONFIRM] = {"confirm", true},   [REQUEST_REVERT] = {"revert", true},
    [REQUEST_REBOOT] = {"reboot", true},     [REQUEST_UPDATE] = {"update", true},
    [REQUEST_ACTIVATE] = {"activate", true}, [REQUEST_ASSEMBLE] = {"assemble", true},
};

static int request_text(char *to, size_t size, const char *name, const char *value,
                        struct error *err)
{
    if (strlen(value) >= size)
        return error_set(err, EXIT_USAGE, "%s is too long", name);
    snprintf(to, size, "%s", value);
    return 0;
}

static int request_flag(bool *to, const char *name, const char *value, struct error *err)
{
    *to = !strcmp(value, "yes");
    if (!*to && strcmp(value, "no"))
        return error_set(err, EXIT_USAGE, "%s must be yes or no", name);
    return 0;
}

static int request_read_size(struct request *q, const char *value, struct error *err)
{
    if (number_parse_decimal(value, strlen(value), &q->size) || !q->size || q->size > INT64_MAX)
        return error_set(err, EXIT_USAGE, "size must be a number of bytes");
    return 0;
}

static void request_print_size(const struct request *q, struct buffer *line)
{
    buffer_printf(line, " size=%" PRIu64, q->size);
}

static int request_read_task(struct request *q, const char *value, struct error *err)
{
    return request_text(q->task, sizeof q->task, "task", value, err);
}

static void request_print_task(const struct request *q, struct buffer *line)
{
    if (*q->task)
        buffer_printf(line, " task=%s", q->task);
}

static int request_read_reboot(struct request *q, const char *value, struct error *err)
{
    return request_flag(&q->reboot, "reboot", value, err);
}

static void request_print_reboot(const struct request *q, struct buffer *line)
{
    buffer_printf(line, " reboot=%s", q->reboot ? "yes" : "no");
}

static int request_read_stage(struct request *q, const char *value, struct error *err)
{
    return request_flag(&q->stage, "stage", value, err);
}

static void request_print_stage(const struct request *q, struct buffer *line)
{
    buffer_printf(line, " stage=%s", q->stage ? "yes" : "no");
}

static int request_read_sha256(struct request *q, const char *value, struct error *err)
{
    if (strlen(value) != sizeof q->sha256 - 1 || value[strspn(value, "0123456789abcdef")])
        return error_set(err, EXIT_USAGE, "sha256 must be 64 hex digits");
    memcpy(q->sha256, value, sizeof q->sha256);
    return 0;
}

static void request_print_sha256(const struct request *q, struct buffer *line)
{
    if (*q->sha256)
        buffer_printf(line, " sha256=%s", q->sha256);
}

static int request_read_reason(struct request *q, const char *value, struct error *err)
{
    if (request_text(q->reason, sizeof q->reason, "reason", value, err))
        return -1;
    for (char *p = q->reason; *p; p++)
        if (*p == '_')
            *p = ' ';
    return 0;
}

static void request_print_reason(const struct request *q, struct buffer *line)
{
    if (!*q->reason)
        return;
    buffer_add_text(line, " reason=");
    for (const char *p = q->reason; *p; p++)
        buffer_add(line, *p > ' ' && *p < 0x7f ? p : "_", 1);
}

/* The parameters of each verb, in the order in which they are sent. */
static const struct {
    enum request_verb verb;
    const char *name;
    int (*read)(struct request *q, const char *value, struct error *err);
    void (*print)(const struct request *q, struct buffer *line);
} request_values[] = {
    {REQUEST_UPDATE, "size", request_read_size, request_print_size},
    {REQUEST_UPDATE, "task", request_read_task, request_print_task},
    {REQUEST_UPDATE, "reboot", request_read_reboot, request_print_reboot},
    {REQUEST_UPDATE, "stage", request_read_stage, request_print_stage},
    {REQUEST_UPDATE, "sha256", request_read_sha256, request_print_sha256},
    {REQUEST_ASSEMBLE, "sha256", request_read_sha256, request_print_sha256},
    {REQUEST_ASSEMBLE, "task", request_read_task, request_print_task},
    {REQUEST_ASSEMBLE, "reboot", request_read_reboot, request_print_reboot},
    {REQUEST_ASSEMBLE, "stage", request_read_stage, request_print_stage},
    {REQUEST_REVERT, "reason", request_read_reason, request_print_reason},
};

#define REQUEST_VALUES (sizeof request_values / sizeof *request_values)

const char *request_name(enum request_verb verb)
{
    return request_verbs[verb].name;
}

bool request_changes(enum request_verb verb)
{
    return request_verbs[verb].changes;
}

enum request_verb request_find_verb(const char *name)
{
    enum request_verb verb = 0;

    while (verb < REQUEST_VERBS && strcmp(name, request_name(verb)))
        verb++;
    return verb;
}

void request_list_verbs(struct buffer *text, bool assembles)
{
    for (enum request_verb verb = 0; verb < REQUEST_VERBS; verb++)
        if (verb != REQUEST_ASSEMBLE || assembles)
            buffer_printf(text, "%s%s", verb ? " " : "", request_name(verb));
}

static int request_unknown_verb(const char *word, struct error *err)
{
    struct buffer known = {0};

    request_list_verbs(&known, true);
    error_set(err, EXIT_USAGE, "unknown request '%.40s'; this device knows: %s", word,
              buffer_text(&known));
    buffer_free(&known);
    return -1;
}

static int request_parse_value(struct request *q, char *word, struct error *err)
{
    char *value = strchr(word, '=');

    if (!value)
        return error_set(err, EXIT_USAGE, "'%.40s' is not NAME=VALUE", word);
    *value++ = '\0';
    for (size_t i = 0; i < REQUEST_VALUES; i++)
        if (request_values[i].verb == q->verb && !strcmp(word, request_values[i].name))
            return request_values[i].read(q, value, err);
    return error_set(err, EXIT_USAGE, "the request %s has no parameter '%.40s'",
                     request_name(q->verb), word);
}

static int request_parse_words(struct request *q, char *text, struct error *err)
{
    char *version = strsep(&text, " ");

    if (strcmp(version, REQUEST_VERSION))
        return error_set(err, EXIT_USAGE,
                         "unknown protocol '%.40s'; this device speaks " REQUEST_VERSION, version);
    char *verb = text ? strsep(&text, " ") : (char *)"";
    q->verb = request_find_verb(verb);
    if (q->verb == REQUEST_VERBS)
        return request_unknown_verb(verb, err);
    for (char *word; (word = strsep(&text, " "));)
        if (request_parse_value(q, word, err))
            return -1;
    if (q->verb == REQUEST_UPDATE && !q->size)
        return error_set(err, EXIT_USAGE, "the request update needs a size");
    return 0;
}

int request_parse(const char *line, size_t len, struct request *q, struct error *err)
{
    *q = (struct request){.verb = REQUEST_VERBS, .reboot = true};
    /* Error messages quote the request, in logs and on terminals. */
    for (size_t i = 0; i < len; i++)
        if (line[i] < 0x20 || line[i] > 0x7e)
            return error_set(err, EXIT_USAGE, "a request must be one line of printable ASCII");
    char *text = memory_printf("%.*s", (int)len, line);
    int rc = request_parse_words(q, text, err);
    free(text);
    return rc;
}

void request_print(const struct request *q, struct buffer *line)
{
    buffer_printf(line, REQUEST_VERSION " %s", request_name(q->verb));
    for (size_t i = 0; i < REQUEST_VALUES; i++)
        if (request_values[i].verb == q->verb)
            request_values[i].print(q, line);
    buffer_add_text(line, "\n");
}
