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

/* Text from the network is made harmless first: control characters are logged as '?'. */
void log_at(enum log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#define log_error(...) log_at(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warning(...) log_at(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_info(...) log_at(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...) log_at(LOG_LEVEL_DEBUG, __VA_ARGS__)

#endif
