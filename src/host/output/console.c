/* SPDX-License-Identifier: Apache-2.0 */
#include "host/output/console.h"

#include "base/clean.h"
#include "base/io.h"
#include "base/memory.h"
#include "host/output/firmware_view.h"
#include "host/output/json_event.h"
#include "wire/answer.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define CONSOLE_BAR_WIDTH 30
#define CONSOLE_DRAW_SECONDS 0.1
#define CONSOLE_RATE_SECONDS 0.5
#define CONSOLE_PLAIN_STEP 25
#define CONSOLE_LINE_MAX 4096
/* Of messages that may come a second time, and in place of a stream's number: it has. */
#define CONSOLE_MESSAGES_MAX 65536
#define CONSOLE_SAID_TWICE '-'

static void console_log(struct console *c, const char *kind, const char *text)
{
    struct timespec now;
    char when[32];
    struct tm tm;

    if (!c->log)
        return;
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &tm);
    strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%S", &tm);
    bool written =
        fprintf(c->log, "%s.%03ldZ %s %s\n", when, now.tv_nsec / 1000000, kind, text) >= 0 &&
        !fflush(c->log);
    if (!written && !c->log_errno)
        c->log_errno = errno;
}

static int console_open_log(struct console *c, const char *dir, struct error *err)
{
    char when[32];
    struct tm tm;
    time_t now = time(NULL);

    gmtime_r(&now, &tm);
    strftime(when, sizeof when, "%Y%m%dT%H%M%SZ", &tm);
    if (mkdir(dir, 0777) && errno != EEXIST)
        return error_errno(err, "cannot create the directory %s (--log-dir)", dir);
    char *name = memory_text(c->host);
    for (char *p = name; *p; p++)
        if (*p == '/')
            *p = '_';
    clean_line(name);
    c->log_path = memory_printf("%s/%s-%s-%d.log", dir, name, when, (int)getpid());
    free(name);
    c->log = fopen(c->log_path, "we");
    return c->log ? 0 : error_errno(err, "cannot create %s (--log-dir)", c->log_path);
}

/* Whether standard output is a terminal on which a line can be drawn again. */
static bool console_can_draw(void)
{
    const char *term = getenv("TERM");

    return isatty(STDOUT_FILENO) && !(term && !strcmp(term, "dumb"));
}

enum console_mode console_mode_of(const struct output_options *o)
{
    if (o->json || o->quiet)
        return o->json ? CONSOLE_JSON : CONSOLE_QUIET;
    return console_can_draw() ? CONSOLE_TERMINAL : CONSOLE_PLAIN;
}

int console_open(struct console *c, const char *host, const struct output_options *o,
                 struct error *err)
{
    *c = (struct console){.mode = console_mode_of(o),
                          .host = host,
                          .out = stdout,
                          .last_percent = -1,
                          .start = io_now()};
    return o->log_dir ? console_open_log(c, o->log_dir, err) : 0;
}

void console_close(struct console *c)
{
    if (c->log)
        fclose(c->log);
    free(c->log_path);
    buffer_free(&c->line[0]);
    buffer_free(&c->line[1]);
    buffer_free(&c->held);
    buffer_free(&c->messages);
}

static void console_relay(struct console *c, char kind, const char *text)
{
    fprintf(c->out, "%c %s\n", kind, text);
    fflush(c->out);
}

static void console_clear_bar(struct console *c)
{
    if (c->bar_shown)
        fputs("\r\033[K", stdout);
    c->bar_shown = false;
}

static void console_json(struct console *c, const char *event, const struct buffer *members)
{
    struct buffer line = {0};

    json_event(&line, event, c->host);
    buffer_printf(&line, "%s}\n", buffer_text(members));
    fputs(buffer_text(&line), c->out);
    fflush(c->out);
    buffer_free(&line);
}

static void console_json_firmware(struct console *c, const struct firmware_file *f, int port)
{
    struct buffer m = {0};

    firmware_view_members(&m, f);
    buffer_printf(&m, ",\"port\":%d", port);
    console_json(c, "firmware", &m);
    buffer_free(&m);
}

static void console_line(struct console *c, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

static void console_line(struct console *c, const char *fmt, ...)
{
    char text[1200];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    console_log(c, "fwssh", text);
    if (c->mode == CONSOLE_RELAY)
        console_relay(c, CONSOLE_RELAY_NOTE, text);
    if (c->mode != CONSOLE_TERMINAL && c->mode != CONSOLE_PLAIN)
        return;
    console_clear_bar(c);
    puts(text);
    fflush(stdout);
}

void console_firmware(struct console *c, const struct firmware_file *f, int port)
{
    struct buffer lines = {0};
    char *rest;

    if (c->mode == CONSOLE_JSON)
        console_json_firmware(c, f, port);
    firmware_view_lines(&lines, f);
    rest = lines.data;
    for (const char *line; (line = strsep(&rest, "\n")) && rest;)
        console_line(c, "%s", line);
    console_line(c, "Device:   %s port %d", c->host, port);
    buffer_free(&lines);
}

void console_note(struct console *c, const char *text)
{
    if (c->mode == CONSOLE_JSON) {
        struct buffer m = {0};
        json_member(&m, "text", text);
        console_json(c, "note", &m);
        buffer_free(&m);
    }
    console_line(c, "%s", text);
}

static void console_json_transfer(struct console *c, const struct console_transfer *t)
{
    struct buffer m = {0};

    buffer_printf(&m,
                  ",\"bytes\":%" PRIu64 ",\"archive\":%" PRIu64 ",\"stream\":%" PRIu64
                  ",\"held\":%" PRIu64 ",\"base\":%s,\"whole\":%s",
                  t->bytes, t->archive, t->stream, t->held, t->base ? "true" : "false",
                  t->whole ? "true" : "false");
    console_json(c, "transfer", &m);
    buffer_free(&m);
}

void console_transfer(struct console *c, const struct console_transfer *t)
{
    if (c->mode == CONSOLE_JSON)
        console_json_transfer(c, t);
    if (t->whole)
        console_line(c, "Sent the whole firmware: %s.",
                     t->slow ? "the device would have taken longer to look at what it holds"
                             : "the device holds little of it");
    else
        console_line(
            c,
            "Sent %.3f MB instead of %.1f MB: of the %.1f MB in the firmware, %.1f MB were "
            "on the device%s.",
            (double)t->bytes / 1e6, (double)t->archive / 1e6, (double)t->stream / 1e6,
            (double)t->held / 1e6,
            t->base ? ", and the rest was sent as differences from what it runs" : "");
}

void console_glance(struct console *c, const char *text)
{
    if (c->mode != CONSOLE_TERMINAL)
        return;
    printf("\r\033[K%s", text);
    fflush(stdout);
    c->bar_shown = true;
}

void console_state(struct console *c, const char *text)
{
    if (c->mode == CONSOLE_TERMINAL)
        console_glance(c, text);
    else
        console_note(c, text);
}

static void console_draw(struct console *c, int percent)
{
    double seconds = io_now() - c->start, rate = seconds > 0 ? (double)c->sent / seconds : 0;
    int filled = percent * CONSOLE_BAR_WIDTH / 100;
    char bar[CONSOLE_BAR_WIDTH + 1];
    char left[64] = "";

    memset(bar, ' ', CONSOLE_BAR_WIDTH);
    memset(bar, '#', (size_t)filled);
    bar[CONSOLE_BAR_WIDTH] = '\0';
    /* At first only buffers are filled, which says nothing about the speed. */
    if (seconds > CONSOLE_RATE_SECONDS && rate > 0)
        snprintf(left, sizeof left, ", %.1f MB/s, %d s left", rate / 1e6,
                 (int)((double)(c->total - c->sent) / rate));
    if (c->sent >= c->total && *c->device_bar)
        printf("\r\033[Kdevice: %s", c->device_bar);
    else
        printf("\r\033[K%s %3d%% [%s] %.1f of %.1f MB%s", c->counts_held ? "done" : "sending",
               percent, bar, (double)c->sent / 1e6, (double)c->total / 1e6, left);
    fflush(stdout);
    c->bar_shown = true;
    c->last_draw = io_now();
}

static void console_plain_progress(struct console *c, int percent)
{
    if (percent < c->last_percent + CONSOLE_PLAIN_STEP && percent < 100)
        return;
    c->last_percent = percent;
    console_line(c, "%s %d%% (%.1f of %.1f MB)", c->counts_held ? "done" : "sent", percent,
                 (double)c->sent / 1e6, (double)c->total / 1e6);
}

static void console_json_progress(struct console *c, int percent)
{
    struct buffer m = {0};

    c->last_percent = percent;
    buffer_printf(&m, ",\"sent\":%" PRIu64 ",\"total\":%" PRIu64 ",\"percent\":%d", c->sent,
                  c->total, percent);
    console_json(c, "progress", &m);
    buffer_free(&m);
}

static void console_relay_percent(struct console *c, int percent)
{
    char text[16];

    c->last_percent = percent;
    snprintf(text, sizeof text, "%d", percent);
    console_relay(c, CONSOLE_RELAY_PERCENT, text);
}

static void console_show_progress(struct console *c, uint64_t sent, uint64_t total)
{
    bool end = sent == total;
    int percent = total ? (int)((double)sent * 100 / (double)total) : 100;

    if (!c->sent)
        c->start = io_now();
    c->sent = sent;
    c->total = total;
    if (percent == c->last_percent && c->mode != CONSOLE_TERMINAL)
        return;
    if (c->mode == CONSOLE_TERMINAL && (end || io_now() - c->last_draw > CONSOLE_DRAW_SECONDS))
        console_draw(c, percent);
    else if (c->mode == CONSOLE_PLAIN && percent > 0)
        console_plain_progress(c, percent);
    else if (c->mode == CONSOLE_JSON)
        console_json_progress(c, percent);
    else if (c->mode == CONSOLE_RELAY)
        console_relay_percent(c, percent);
    if (c->mode != CONSOLE_PLAIN && end && c->log)
        console_log(c, "fwssh", "sent 100%");
}

void console_progress(struct console *c, uint64_t sent, uint64_t total)
{
    c->counts_held = false;
    console_show_progress(c, sent, total);
}

void console_progress_held(struct console *c, uint64_t there, uint64_t total)
{
    c->counts_held = true;
    console_show_progress(c, there, total);
}

/* Shows a line of the device to the user. */
static void console_show_line(struct console *c, int stream, const char *text)
{
    if (c->mode == CONSOLE_RELAY)
        console_relay(c, CONSOLE_RELAY_DEVICE, text);
    if (c->mode == CONSOLE_RELAY || c->mode == CONSOLE_SILENT ||
        (c->mode == CONSOLE_QUIET && !stream))
        return;
    console_clear_bar(c);
    FILE *out = stream ? stderr : stdout;
    fprintf(out, "%s\n", text);
    fflush(out);
}

/* Something follows, so the message that was held back is not the last one. */
static void console_release(struct console *c)
{
    if (c->held.len)
        console_show_line(c, c->held_stream, buffer_text(&c->held));
    buffer_clear(&c->held);
}

/* Some messages come on both streams, for clients that show only one (PROTOCOL.md, "Messages"). */
static bool console_is_said_already(struct console *c, int stream, const char *text)
{
    if (!answer_message(text))
        return false;
    char *echo = memory_printf("\n%d %s\n", !stream, text);
    char *at = c->messages.len ? strstr(c->messages.data, echo) : NULL;

    if (at)
        at[1] = CONSOLE_SAID_TWICE;
    else if (c->messages.len < CONSOLE_MESSAGES_MAX)
        buffer_printf(&c->messages, "\n%d %s\n", stream, text);
    free(echo);
    return at != NULL;
}

static void console_device_line(struct console *c, int stream, const char *text)
{
    /* Answers of the subsystem fwssh are for programs; users get a message. */
    if (answer_is_line(text) || console_is_said_already(c, stream, text))
        return;
    console_log(c, stream ? "device-stderr" : "device", text);
    if (c->mode == CONSOLE_JSON) {
        struct buffer m = {0};
        json_member(&m, "stream", stream ? "stderr" : "stdout");
        json_member(&m, "text", text);
        console_json(c, "text", &m);
        buffer_free(&m);
        return;
    }
    console_release(c);
    if (answer_message(text)) {
        buffer_add_text(&c->held, text);
        c->held_stream = stream;
    } else {
        console_show_line(c, stream, text);
    }
}

/* Cursor movements and colours in the device's text would garble our own line. */
static void console_strip(char *text)
{
    char *to = text;

    for (const char *p = text; *p; p++) {
        if (*p == '\033' && p[1] == '[') {
            p += 2;
            while (*p && (*p < '@' || *p > '~'))
                p++;
            if (!*p)
                break;
            continue;
        }
        if ((unsigned char)*p >= 0x20 || *p == '\t')
            *to++ = *p;
    }
    while (to > text && to[-1] == ' ')
        to--;
    *to = '\0';
    clean_line(text);
}

/* Text that ends in CR is progress, which is redrawn; text that ends in LF is a line. */
static void console_device_piece(struct console *c, int stream, bool is_line)
{
    struct buffer *b = &c->line[stream];

    if (b->data)
        console_strip(b->data);
    const char *text = buffer_text(b);
    if (is_line) {
        console_device_line(c, stream, text);
        if (stream == 0)
            c->device_bar[0] = '\0';
    } else if (*text) {
        snprintf(c->device_bar, sizeof c->device_bar, "%.150s", text);
        if (c->mode == CONSOLE_TERMINAL && c->sent >= c->total && c->total)
            console_draw(c, 100);
    }
    buffer_clear(b);
}

void console_device_text(struct console *c, int stream, const char *data, size_t len)
{
    struct buffer *b = &c->line[stream];

    for (size_t i = 0; i < len; i++) {
        bool wrapped = b->len >= CONSOLE_LINE_MAX;
        bool crlf = data[i] == '\r' && i + 1 < len && data[i + 1] == '\n';
        if (crlf)
            continue;
        if (data[i] == '\n' || wrapped)
            console_device_piece(c, stream, true);
        else if (data[i] == '\r')
            console_device_piece(c, stream, false);
        if (data[i] != '\n' && data[i] != '\r' && data[i])
            buffer_add(b, data + i, 1);
    }
}

static void console_flush_device(struct console *c)
{
    for (int stream = 0; stream < 2; stream++)
        if (c->line[stream].len)
            console_device_piece(c, stream, true);
}

static void console_json_result(struct console *c, int status, const char *text)
{
    struct buffer m = {0};

    buffer_printf(&m, ",\"status\":%d", status);
    json_member(&m, "text", text);
    if (c->log_path)
        json_member(&m, "log", c->log_path);
    console_json(c, "result", &m);
    buffer_free(&m);
}

static void console_relay_result(struct console *c, int status, const char *text)
{
    char *line = memory_printf("%d %s", status, text);

    for (char *p = line; *p; p++)
        if (*p == '\n')
            *p = ' ';
    console_relay(c, CONSOLE_RELAY_RESULT, line);
    free(line);
}

static void console_show_result(struct console *c, int status, const char *text)
{
    if (c->mode == CONSOLE_JSON)
        console_json_result(c, status, text);
    if (c->relays_result)
        console_relay_result(c, status, text);
    if (c->mode > CONSOLE_QUIET)
        return;
    if (status)
        fprintf(stderr, "fwssh: %s: %s\n", c->host, text);
    else if (c->mode != CONSOLE_QUIET)
        printf("%s\n", text);
    if (c->log_path && c->mode != CONSOLE_QUIET)
        printf("Log: %s\n", c->log_path);
    fflush(stdout);
}

int console_result(struct console *c, int status, const char *text)
{
    console_flush_device(c);
    /* The device's reason is shown once: as part of the result. */
    if (c->held.len && strstr(text, answer_message(buffer_text(&c->held))))
        buffer_clear(&c->held);
    console_release(c);
    console_clear_bar(c);
    console_log(c, status ? "error" : "result", text);
    if (!c->log_errno) {
        console_show_result(c, status, text);
        return status;
    }
    char *more = memory_printf("%s; but the log %s could not be written: %s", text, c->log_path,
                               strerror(c->log_errno));
    status = status ? status : EXIT_FAILED;
    console_show_result(c, status, more);
    free(more);
    return status;
}
