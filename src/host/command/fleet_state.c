/* SPDX-License-Identifier: Apache-2.0 */
#include "host/command/fleet_state.h"

#include "base/clean.h"
#include "base/date.h"
#include "base/exit_status.h"
#include "base/io.h"
#include "base/memory.h"
#include "base/number.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#define FLEET_STATE_HEAD "fwssh-fleet 1 "
#define FLEET_STATE_MAX (64u << 20)
#define FLEET_STATE_TEXT 300

static struct fleet_record *fleet_state_find(const struct fleet_state *s, const char *host)
{
    for (size_t i = 0; i < s->count; i++)
        if (!strcmp(s->record[i].host, host))
            return &s->record[i];
    return NULL;
}

static void fleet_state_set(struct fleet_state *s, const char *host, int status)
{
    struct fleet_record *r = fleet_state_find(s, host);

    if (!r) {
        s->record = memory_resize(s->record, (s->count + 1) * sizeof *s->record);
        r = &s->record[s->count++];
        r->host = memory_text(host);
    }
    r->status = status;
}

/* TIME STATUS HOST TEXT */
static int fleet_state_line(struct fleet_state *s, char *line)
{
    char *rest = line, *time = strsep(&rest, " "), *status = strsep(&rest, " "),
         *host = strsep(&rest, " ");
    uint64_t number;

    if (!host || !*host || strlen(time) >= DATE_SIZE ||
        number_parse_decimal(status, strlen(status), &number) || number > 255)
        return -1;
    fleet_state_set(s, host, (int)number);
    return 0;
}

static int fleet_state_parse(struct fleet_state *s, char *rest, const char *firmware,
                             struct error *err)
{
    char *line = strsep(&rest, "\n");
    int number = 1;

    if (strncmp(line, FLEET_STATE_HEAD, strlen(FLEET_STATE_HEAD)) != 0 || !rest)
        return error_set(err, EXIT_USAGE, "%s is no state of a push (--state)", s->path);
    if (strcmp(line + strlen(FLEET_STATE_HEAD), firmware) != 0)
        return error_set(err, EXIT_USAGE,
                         "%s is the state of a push of another firmware (%.64s); remove it or "
                         "give another file",
                         s->path, line + strlen(FLEET_STATE_HEAD));
    while ((line = strsep(&rest, "\n")) && rest) {
        number++;
        if (*line && fleet_state_line(s, line))
            return error_set(err, EXIT_USAGE, "%s, line %d: not a line of a state", s->path,
                             number);
    }
    return 0;
}

static int fleet_state_append(struct fleet_state *s, const struct buffer *line, struct error *err)
{
    if (io_write_all(s->fd, line->data, line->len) || fdatasync(s->fd))
        return error_errno(err, "cannot write %s", s->path);
    return 0;
}

/* An incomplete last line would swallow the next one. */
static int fleet_state_go_on(struct fleet_state *s, const struct buffer *text, const char *firmware,
                             struct error *err)
{
    const char *last = memrchr(text->data, '\n', text->len);
    bool is_cut = last && last[1];

    if (fleet_state_parse(s, text->data, firmware, err))
        return -1;
    if (is_cut && ftruncate(s->fd, last - text->data + 1))
        return error_errno(err, "cannot write %s", s->path);
    return 0;
}

static int fleet_state_begin(struct fleet_state *s, const char *firmware, struct error *err)
{
    struct buffer line = {0};

    buffer_printf(&line, FLEET_STATE_HEAD "%s\n", firmware);
    int rc = fleet_state_append(s, &line, err) || io_flush_directory_of(s->path, err) ? -1 : 0;
    buffer_free(&line);
    return rc;
}

static int fleet_state_load(struct fleet_state *s, const char *firmware, struct error *err)
{
    struct buffer text = {0};
    int rc = io_read_fd(s->fd, s->path, FLEET_STATE_MAX, &text, err);

    if (!rc && strlen(buffer_text(&text)) != text.len)
        rc = error_set(err, EXIT_USAGE, "%s is no state of a push (--state)", s->path);
    if (!rc && !text.len)
        rc = fleet_state_begin(s, firmware, err);
    else if (!rc)
        rc = fleet_state_go_on(s, &text, firmware, err);
    buffer_free(&text);
    return rc;
}

int fleet_state_open(struct fleet_state *s, const char *path, const char *firmware,
                     struct error *err)
{
    *s = (struct fleet_state){.path = path, .fd = -1};
    if (!path)
        return 0;
    s->fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (s->fd < 0)
        return error_errno(err, "cannot open %s", path);
    if (flock(s->fd, LOCK_EX | LOCK_NB))
        return errno == EWOULDBLOCK
                   ? error_set(err, EXIT_FAILED, "another fwssh push uses %s at the moment", path)
                   : error_errno(err, "cannot lock %s", path);
    return fleet_state_load(s, firmware, err);
}

void fleet_state_close(struct fleet_state *s)
{
    for (size_t i = 0; i < s->count; i++)
        free(s->record[i].host);
    free(s->record);
    io_close(&s->fd);
}

bool fleet_state_is_done(const struct fleet_state *s, const char *host)
{
    const struct fleet_record *r = fleet_state_find(s, host);

    return r && r->status == EXIT_DONE;
}

int fleet_state_add(struct fleet_state *s, const char *host, int status, const char *text,
                    struct error *err)
{
    struct buffer line = {0};
    char time_text[DATE_SIZE];

    if (!s->path || ((status == EXIT_UNREACHABLE || status == EXIT_UNCONFIRMED) &&
                     fleet_state_is_done(s, host)))
        return 0;
    date_format(time(NULL), time_text);
    buffer_printf(&line, "%s %d %s %.*s", time_text, status, host, FLEET_STATE_TEXT, text);
    clean_line(line.data);
    buffer_add_text(&line, "\n");
    fleet_state_set(s, host, status);
    int rc = fleet_state_append(s, &line, err);
    buffer_free(&line);
    return rc;
}
