/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"

#include "base/clean.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>

static struct {
    const char *program;
    enum log_level level;
    bool to_syslog;
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

void log_at(enum log_level level, const char *fmt, ...)
{
    static const int priorities[] = {LOG_ERR, LOG_WARNING, LOG_INFO, LOG_DEBUG};
    char line[1024];
    va_list ap;

    if (level > logger.level)
        return;
    va_start(ap, fmt);
    vsnprintf(line, sizeof line, fmt, ap);
    va_end(ap);
    clean_line(line);
    if (logger.write_line)
        logger.write_line(level, line);
    else if (logger.to_syslog)
        syslog(priorities[level], "%s", line);
    else
        fprintf(stderr, "%s: %s%s%s\n", logger.program,
                level <= LOG_LEVEL_WARNING ? level_names[level] : "",
                level <= LOG_LEVEL_WARNING ? ": " : "", line);
}
