/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"

#include "base/clean.h"
#include "base/date.h"
#include "base/json.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <time.h>

static struct {
    const char *program;
    enum log_level level;
    bool to_syslog, json;
    void (*write_line)(enum log_level level, const char *line);
} logger = {.program = "fwssh", .level = LOG_LEVEL_INFO};

static const char *const level_names[] = {"error", "warning", "info", "debug"};

void log_open(const char *program, enum log_level level, bool to_syslog)
{
    logger.program = program;
    logger.level = level;
    logger.to_syslog = to_syslog;
    if (to_syslog)
        openlog(program, LOG_PID, LOG_DAEMON);
}

void log_set_level(enum log_level level)
{
    logger.level = level;
}

void log_redirect(void (*write_line)(enum log_level level, const char *line))
{
    logger.write_line = write_line;
}

int log_level_parse(const char *word)
{
    for (int i = 0; i < (int)(sizeof level_names / sizeof *level_names); i++)
        if (!strcmp(word, level_names[i]))
            return i;
    return -1;
}

void log_set_json(bool json)
{
    logger.json = json;
}

static void log_add_field(struct buffer *out, const struct log_field *field)
{
    if (field->text && *field->text) {
        json_member(out, field->name, field->text);
    } else if (!field->text) {
        bool whole = field->number == (double)(int64_t)field->number;
        buffer_printf(out, ",\"%s\":%.*f", field->name, whole ? 0 : 3, field->number);
    }
}

static void log_make_object(struct buffer *out, enum log_level level, const char *event,
                            const struct log_field *fields, const char *line)
{
    char when[DATE_SIZE];

    date_format((int64_t)time(NULL), when);
    buffer_add_text(out, "{\"time\":");
    json_string(out, when);
    json_member(out, "program", logger.program);
    json_member(out, "level", level_names[level]);
    json_member(out, "event", event);
    json_member(out, "message", line);
    for (; fields && fields->name; fields++)
        log_add_field(out, fields);
    buffer_add_text(out, "}");
}

static void log_write(enum log_level level, const char *line)
{
    static const int priorities[] = {LOG_ERR, LOG_WARNING, LOG_INFO, LOG_DEBUG};
    bool is_marked = level <= LOG_LEVEL_WARNING;

    if (logger.to_syslog)
        syslog(priorities[level], "%s", line);
    else if (logger.json)
        fprintf(stderr, "%s\n", line);
    else
        fprintf(stderr, "%s: %s%s%s\n", logger.program, is_marked ? level_names[level] : "",
                is_marked ? ": " : "", line);
}

void log_event(enum log_level level, const char *event, const struct log_field *fields,
               const char *fmt, ...)
{
    struct buffer object = {0};
    char line[1024];
    va_list ap;

    if (level > logger.level)
        return;
    va_start(ap, fmt);
    vsnprintf(line, sizeof line, fmt, ap);
    va_end(ap);
    clean_line(line);
    if (logger.write_line) {
        logger.write_line(level, line);
        return;
    }
    if (logger.json)
        log_make_object(&object, level, event, fields, line);
    log_write(level, logger.json ? buffer_text(&object) : line);
    buffer_free(&object);
}
