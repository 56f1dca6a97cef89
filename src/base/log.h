/* SPDX-License-Identifier: Apache-2.0 */
/* The logger: the one piece of global state, because any code may log. */
#ifndef FWSSH_BASE_LOG_H
#define FWSSH_BASE_LOG_H

#include <stdbool.h>

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

/* program: the prefix of each line (not copied). to_syslog: syslog(3) instead of standard error. */
void log_open(const char *program, enum log_level level, bool to_syslog);
void log_set_level(enum log_level level);

/* A session has no log of its own: write_line passes each line on to the listener. */
void log_redirect(void (*write_line)(enum log_level level, const char *line));

/* Parses "error", "warning", "info" or "debug"; -1 for any other word. */
int log_level_parse(const char *word);

/* Each line becomes a JSON object (fwsshd.conf(5), key log-format) in place of plain text. */
void log_set_json(bool json);

/* What a program may want to know of a line: part of the JSON object only. */
struct log_field {
    const char *name; /* NULL: the end of the fields */
    const char *text; /* "": the field is left out; NULL: the number counts */
    double number;
};

#define LOG_TEXT(key, value)                                                                       \
    {                                                                                              \
        .name = (key), .text = (value)                                                             \
    }
#define LOG_NUMBER(key, value)                                                                     \
    {                                                                                              \
        .name = (key), .number = (double)(value)                                                   \
    }
#define LOG_FIELDS_END                                                                             \
    {                                                                                              \
        .name = NULL                                                                               \
    }

/*
 * Text from the network is made harmless first: control characters are logged as '?'. event: a name
 * that stays the same, whatever becomes of the words; fields: NULL, or up to LOG_FIELDS_END.
 */
void log_event(enum log_level level, const char *event, const struct log_field *fields,
               const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/* The event of all lines that have no name of their own. */
#define LOG_EVENT_MESSAGE "message"

#define log_at(level, ...) log_event(level, LOG_EVENT_MESSAGE, NULL, __VA_ARGS__)

#define log_error(...) log_at(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warning(...) log_at(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_info(...) log_at(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...) log_at(LOG_LEVEL_DEBUG, __VA_ARGS__)

#endif
