/*
 * What a person, a log or a program sees of a push: a bar with the device's text above it on a
 * terminal, plain lines elsewhere, JSON objects, or errors only. All of it goes into the push's log
 * file, too.
 */
#ifndef FWSSH_HOST_OUTPUT_CONSOLE_H
#define FWSSH_HOST_OUTPUT_CONSOLE_H

#include "base/buffer.h"
#include "base/error.h"
#include "engine/archive/firmware_file.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum console_mode {
    CONSOLE_TERMINAL,
    CONSOLE_PLAIN,
    CONSOLE_QUIET,
    CONSOLE_JSON,
    CONSOLE_SILENT, /* nothing at all */
    CONSOLE_RELAY,  /* lines for the process that shows several devices (fleet.c) */
};

/* The first letter of a line of CONSOLE_RELAY, before a blank and the text. */
#define CONSOLE_RELAY_PERCENT 'P'
#define CONSOLE_RELAY_NOTE 'N'
#define CONSOLE_RELAY_DEVICE 'D'
#define CONSOLE_RELAY_RESULT 'R' /* STATUS TEXT */

struct console {
    enum console_mode mode;
    const char *host;
    FILE *out; /* of everything but errors */
    FILE *log; /* NULL: none is kept */
    char *log_path;
    bool bar_shown;
    double start, last_draw;
    uint64_t sent, total;
    int last_percent;      /* told in plain lines and JSON */
    struct buffer line[2]; /* the device's standard output and error since their last line end */
    struct buffer held;    /* a message of the device, while it may be its last word */
    int held_stream;
    char device_bar[160]; /* the device's own progress, from text that ends in CR */
};

/* What the user wants to see. */
struct output_options {
    bool json, quiet;
    const char *log_dir; /* NULL: no log is kept */
};

enum console_mode console_mode_of(const struct output_options *o);

int console_open(struct console *c, const char *host, const struct output_options *o,
                 struct error *err);
void console_close(struct console *c);

void console_firmware(struct console *c, const struct firmware_file *f, int port);
void console_note(struct console *c, const char *text);
void console_progress(struct console *c, uint64_t sent, uint64_t total);

/* What the push does now, for those who watch: "waiting for the device". */
void console_state(struct console *c, const char *text);

/* Bytes from the device: 0 its standard output, 1 standard error (ssh's own words, too). */
void console_device_text(struct console *c, int stream, const char *data, size_t len);

/* The last word. */
void console_result(struct console *c, int status, const char *text);

#endif
