/* SPDX-License-Identifier: Apache-2.0 */
#include "device/listen/audit.h"

#include "base/buffer.h"
#include "base/clean.h"
#include "base/date.h"
#include "base/io.h"
#include "base/log.h"
#include "base/memory.h"
#include "device/config/log_events.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

/* NAME="VALUE". Characters that would end the value or the line, or act on a terminal, become '?':
 * part of the text comes from the client. */
static void audit_add(struct buffer *line, const char *name, const char *value)
{
    char *copy = memory_text(value);

    clean_line(copy);
    for (char *p = copy; (p = strpbrk(p, "\"\\"));)
        *p = '?';
    buffer_printf(line, " %s=\"%s\"", name, copy);
    free(copy);
}

/* Opens the file, which must be a regular one; one with no room for so many more bytes becomes
 * FILE.1. -1 with errno set. */
static int audit_open(const char *path, size_t more, size_t most)
{
    int flags = O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;
    int fd = open(path, flags, 0600);
    struct stat st;

    if (fd < 0)
        return -1;
    if (fstat(fd, &st) || !S_ISREG(st.st_mode)) {
        io_close(&fd);
        errno = EINVAL;
        return -1;
    }
    if (!most || !st.st_size || (uint64_t)st.st_size + more <= most)
        return fd;
    char *old = memory_printf("%s.1", path);
    io_close(&fd);
    if (!rename(path, old))
        fd = open(path, flags, 0600);
    free(old);
    return fd;
}

/* A single write() keeps lines whole; the file is opened each time, so it can be rotated. */
static void audit_append(const char *path, size_t most, const struct buffer *line)
{
    char when[DATE_SIZE];
    struct buffer text = {0};
    struct error err;

    date_format((int64_t)time(NULL), when);
    buffer_printf(&text, "%s %s\n", when, buffer_text(line));
    int fd = audit_open(path, text.len, most);
    if (fd < 0 || io_write_all(fd, text.data, text.len)) {
        error_errno(&err, "cannot write to the audit file %s", path);
        log_error("%s", err.text);
    }
    io_close(&fd);
    buffer_free(&text);
}

static void audit_write(const struct listener *l, const struct log_field *fields,
                        struct buffer *line)
{
    log_event(LOG_LEVEL_INFO, EVENT_AUDIT, fields, "audit: %s", buffer_text(line));
    if (*l->config.audit_file)
        audit_append(l->config.audit_file, (size_t)l->config.audit_file_size, line);
    buffer_free(line);
}

static void audit_begin(struct buffer *line, const char *what, const struct connection *c,
                        double seconds)
{
    buffer_add_text(line, what);
    audit_add(line, "from", c->peer.address);
    audit_add(line, "who", c->who);
    buffer_printf(line, " seconds=%.3f", seconds);
}

void audit_connection(const struct listener *l, const struct connection *c)
{
    struct buffer line = {0};

    audit_begin(&line, "connection", c, io_now() - c->started);
    buffer_printf(&line, " login=%s", c->authenticated ? "yes" : "no");
    audit_write(l, CONNECTION_FIELDS(c), &line);
}

void audit_source(const struct listener *l, const char *source, unsigned count)
{
    struct buffer line = {0};

    buffer_add_text(&line, "strangers");
    audit_add(&line, "from", source);
    buffer_printf(&line, " connections=%u", count);
    audit_write(l, NULL, &line);
}

void audit_update(const struct listener *l, const struct connection *c, const struct result *result)
{
    struct buffer line = {0};

    if (result->asked)
        return;
    audit_begin(&line, result_is_update(result) ? "update" : "request", c,
                io_now() - c->update_started);
    if (*result->request)
        audit_add(&line, "request", result->request);
    audit_add(&line, "task", result_task(result, &l->config));
    buffer_printf(&line, " firmwares=%u", result->firmwares);
    audit_add(&line, "uuid", result->uuid);
    buffer_printf(&line, " status=%u reboot=%s", result->status, result->reboot ? "yes" : "no");
    audit_add(&line, "text", result->text);
    if (*result->note)
        audit_add(&line, "note", result->note);
    audit_write(l, CONNECTION_FIELDS(c), &line);
}
