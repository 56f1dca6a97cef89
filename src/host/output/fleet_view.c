/* SPDX-License-Identifier: Apache-2.0 */
#include "host/output/fleet_view.h"

#include "base/clean.h"
#include "base/io.h"
#include "base/memory.h"
#include "host/output/json_event.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define FLEET_DRAW_SECONDS 0.2
#define FLEET_LINE_MAX 65536
#define FLEET_STATE_WIDTH 60

static bool fleet_device_started(const struct fleet_device *d)
{
    return d->began > 0;
}

static bool fleet_device_is_good(const struct fleet_device *d)
{
    return fleet_device_started(d) && d->status == EXIT_DONE;
}

/* 0: not known. */
static struct winsize fleet_view_size(void)
{
    struct winsize size = {0};

    (void)ioctl(STDOUT_FILENO, TIOCGWINSZ, &size);
    return size;
}

static void fleet_view_firmware(const struct fleet_view *v, const struct firmware_file *f)
{
    bool has_product = f->product && *f->product, has_version = f->version && *f->version;

    printf("%s%s%s (%s) to %zu devices\n", has_product ? f->product : "Firmware",
           has_version ? " " : "", has_version ? f->version : "", *f->uuid ? f->uuid : f->sha256,
           v->count);
}

void fleet_view_open(struct fleet_view *v, const struct output_options *o, const char *const *hosts,
                     size_t count, const struct firmware_file *firmware)
{
    *v = (struct fleet_view){
        .mode = console_mode_of(o), .count = count, .device = memory_new(count, sizeof *v->device)};
    size_t rows = fleet_view_size().ws_row;
    if (v->mode == CONSOLE_TERMINAL && rows && count >= rows)
        v->mode = CONSOLE_PLAIN; /* the cursor cannot go back to the first line */
    for (size_t i = 0; i < count; i++) {
        v->device[i] = (struct fleet_device){.host = hosts[i], .fd = -1, .percent = -1};
        buffer_add_text(&v->device[i].state, "waiting");
        size_t len = strlen(hosts[i]);
        v->width = len > v->width ? len : v->width;
    }
    if (v->mode == CONSOLE_TERMINAL || v->mode == CONSOLE_PLAIN)
        fleet_view_firmware(v, firmware);
}

void fleet_view_state(struct fleet_view *v, struct fleet_device *d, const char *text)
{
    buffer_clear(&d->state);
    buffer_add_text(&d->state, text);
    if (v->mode == CONSOLE_PLAIN) {
        printf("%s: %s\n", d->host, text);
        fflush(stdout);
    }
}

void fleet_view_started(struct fleet_view *v, struct fleet_device *d)
{
    buffer_clear(&d->line);
    d->percent = -1;
    d->done = false;
    d->due = 0;
    d->began = io_now();
    fleet_view_state(v, d, "connecting");
}

static void fleet_view_percent(struct fleet_view *v, struct fleet_device *d, int percent)
{
    char text[32];

    /* In plain lines, every quarter is enough. */
    bool quiet = v->mode != CONSOLE_TERMINAL && percent / 25 == d->percent / 25;
    d->percent = percent;
    snprintf(text, sizeof text, percent < 100 ? "sending %d%%" : "writing", percent);
    if (!quiet)
        fleet_view_state(v, d, text);
}

static void fleet_view_line(struct fleet_view *v, struct fleet_device *d, const char *line)
{
    const char *text = line[0] && line[1] == ' ' ? line + 2 : "";

    if (v->mode == CONSOLE_JSON && *line == '{') {
        printf("%s\n", line);
        fflush(stdout);
        return;
    }
    switch (*line) {
    case CONSOLE_RELAY_PERCENT:
        fleet_view_percent(v, d, atoi(text));
        break;
    case CONSOLE_RELAY_RESULT:
        buffer_clear(&d->state);
        buffer_add_text(&d->state, text + strcspn(text, " ") + (strchr(text, ' ') != NULL));
        d->done = true;
        break;
    case CONSOLE_RELAY_DEVICE:
        if (v->mode == CONSOLE_PLAIN)
            printf("%s: %s\n", d->host, text);
        break;
    case CONSOLE_RELAY_NOTE:
        /* Notes about the firmware are the same for all devices. */
        if (d->percent >= 100)
            fleet_view_state(v, d, text);
        break;
    default:
        break;
    }
}

bool fleet_view_read(struct fleet_view *v, struct fleet_device *d)
{
    char data[4096];
    ssize_t n = read(d->fd, data, sizeof data);

    if (n <= 0)
        return false;
    for (ssize_t i = 0; i < n; i++) {
        if (data[i] != '\n') {
            if (d->line.len < FLEET_LINE_MAX)
                buffer_add(&d->line, data + i, 1);
            continue;
        }
        fleet_view_line(v, d, buffer_text(&d->line));
        buffer_clear(&d->line);
    }
    return true;
}

static void fleet_view_missing_result(const struct fleet_view *v, const struct fleet_device *d)
{
    struct buffer line = {0};

    if (v->mode != CONSOLE_JSON)
        return;
    json_event(&line, "result", d->host);
    buffer_printf(&line, ",\"status\":%d", d->status);
    json_member(&line, "text", buffer_text(&d->state));
    buffer_add_text(&line, "}");
    puts(buffer_text(&line));
    buffer_free(&line);
}

void fleet_view_ended(struct fleet_view *v, struct fleet_device *d)
{
    if (!d->done) {
        buffer_clear(&d->state);
        buffer_add_text(&d->state, "its process ended without a result");
        fleet_view_missing_result(v, d);
    }
    d->done = true;
    if (v->mode == CONSOLE_PLAIN)
        printf("%s: %s%s (%.0f s)\n", d->host, d->status ? "FAILED: " : "", buffer_text(&d->state),
               d->ended - d->began);
    fflush(stdout);
}

void fleet_view_pending(struct fleet_view *v, struct fleet_device *d, const char *text)
{
    struct buffer line = {0};

    d->done = false;
    if (v->mode == CONSOLE_PLAIN) {
        printf("%s: %s; %s\n", d->host, buffer_text(&d->state), text);
    } else if (v->mode == CONSOLE_JSON) {
        json_event(&line, "note", d->host);
        json_member(&line, "text", text);
        buffer_add_text(&line, "}");
        puts(buffer_text(&line));
    }
    fflush(stdout);
    buffer_free(&line);
}

/* A longer line would take two rows, and the cursor goes back by one for each. */
static void fleet_view_draw_line(const struct fleet_view *v, const struct fleet_device *d,
                                 size_t columns)
{
    char *line = memory_printf("%-*s  %s%.*s", (int)v->width, d->host,
                               d->done && d->status ? "FAILED: " : "", FLEET_STATE_WIDTH,
                               buffer_text(&d->state));

    if (columns && strlen(line) >= columns)
        line[columns - 1] = '\0';
    clean_line(line); /* a character may have been cut */
    printf("\r\033[K%s\n", line);
    free(line);
}

static void fleet_view_redraw(struct fleet_view *v)
{
    size_t columns = fleet_view_size().ws_col;

    if (v->drawn)
        printf("\033[%zuA", v->drawn);
    for (size_t i = 0; i < v->count; i++)
        fleet_view_draw_line(v, &v->device[i], columns);
    v->drawn = v->count;
    fflush(stdout);
    v->last_draw = io_now();
}

void fleet_view_draw(struct fleet_view *v)
{
    if (v->mode == CONSOLE_TERMINAL && io_now() - v->last_draw > FLEET_DRAW_SECONDS)
        fleet_view_redraw(v);
}

static void fleet_view_table(const struct fleet_view *v)
{
    puts("");
    for (size_t i = 0; i < v->count; i++) {
        const struct fleet_device *d = &v->device[i];
        if (!fleet_device_started(d))
            printf("%-*s  not started\n", (int)v->width, d->host);
        else
            printf("%-*s  %2d  %4.0f s  %s\n", (int)v->width, d->host, d->status,
                   d->ended - d->began, buffer_text(&d->state));
    }
}

/* Where nothing else is shown. */
static void fleet_view_reasons(const struct fleet_view *v)
{
    for (size_t i = 0; i < v->count; i++) {
        const struct fleet_device *d = &v->device[i];
        if (fleet_device_started(d) && !fleet_device_is_good(d))
            fprintf(stderr, "fwssh: %s: %s\n", d->host, buffer_text(&d->state));
    }
}

static void fleet_view_summary(const struct fleet_view *v, int missing, const char *why)
{
    FILE *out = missing ? stderr : stdout;

    fprintf(out, "%s%zu of %zu devices are done%s", missing ? "fwssh: " : "",
            v->count - (size_t)missing, v->count, missing ? "; not:" : ".");
    for (size_t i = 0; i < v->count && missing; i++)
        if (!fleet_device_is_good(&v->device[i]))
            fprintf(out, " %s", v->device[i].host);
    fprintf(out, "%s%s\n", why ? "; no more were started: " : "", why ? why : "");
    fflush(out);
}

static void fleet_view_json_summary(const struct fleet_view *v, int missing, const char *why,
                                    int status)
{
    struct buffer line = {0};

    buffer_printf(&line, "{\"event\":\"summary\",\"status\":%d,\"devices\":%zu,\"done\":%zu",
                  status, v->count, v->count - (size_t)missing);
    buffer_add_text(&line, ",\"failed\":[");
    bool first = true;
    for (size_t i = 0; i < v->count; i++) {
        if (fleet_device_is_good(&v->device[i]))
            continue;
        buffer_add_text(&line, first ? "" : ",");
        json_string(&line, v->device[i].host);
        first = false;
    }
    buffer_add_text(&line, "]");
    json_member(&line, "text", why ? why : "");
    buffer_add_text(&line, "}");
    puts(buffer_text(&line));
    buffer_free(&line);
}

int fleet_view_close(struct fleet_view *v, const char *why, enum exit_status done,
                     enum exit_status otherwise)
{
    int missing = 0, left = 0;

    for (size_t i = 0; i < v->count; i++) {
        missing += !fleet_device_is_good(&v->device[i]);
        left += !fleet_device_started(&v->device[i]) || v->device[i].due > 0;
    }
    int status = (int)(missing ? otherwise : done);
    why = left ? why : NULL;
    if (v->mode == CONSOLE_TERMINAL)
        fleet_view_redraw(v);
    if (v->mode == CONSOLE_TERMINAL || v->mode == CONSOLE_PLAIN)
        fleet_view_table(v);
    if (v->mode == CONSOLE_QUIET)
        fleet_view_reasons(v);
    if (v->mode == CONSOLE_JSON)
        fleet_view_json_summary(v, missing, why, status);
    else if (missing || v->mode != CONSOLE_QUIET)
        fleet_view_summary(v, missing, why);
    for (size_t i = 0; i < v->count; i++) {
        buffer_free(&v->device[i].line);
        buffer_free(&v->device[i].state);
    }
    free(v->device);
    return status;
}
