/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The output of a push, for a user, a log or a program: on a terminal a progress bar with the
 * device's text above it, elsewhere plain lines, JSON objects, or errors only. All of it also goes
 * into the push's log file.
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

/* The first letter of a line in CONSOLE_RELAY mode, before a blank and the text. */
#define CONSOLE_RELAY_PERCENT 'P'
#define CONSOLE_RELAY_NOTE 'N'
#define CONSOLE_RELAY_DEVICE 'D'
#define CONSOLE_RELAY_RESULT 'R' /* STATUS TEXT */

struct console {
    enum console_mode mode;
    const char *host;
    FILE *out;          /* for everything but errors */
    bool relays_result; /* CONSOLE_RELAY_RESULT also beside JSON */
    FILE *log;          /* NULL: no log */
    char *log_path;
    int log_errno; /* why the log lacks something; 0: it does not */
    bool bar_shown;
    double start, last_draw;
    uint64_t sent, total;
    int last_percent;      /* last one printed in plain lines and JSON */
    bool counts_held;      /* sent counts what the device holds, too */
    struct buffer line[2]; /* incomplete lines of the device's standard output and error */
    struct buffer held;    /* a message of the device, held back while it may be its last */
    int held_stream;
    struct buffer messages; /* "\nSTREAM TEXT\n" for each that may come again on the other stream */
    char device_bar[160];   /* the device's own progress, from text that ends in CR */
};

/* Which output the user wants. */
struct output_options {
    bool json, quiet;
    const char *log_dir; /* NULL: no log */
};

enum console_mode console_mode_of(const struct output_options *o);

/* Opens the log if there is to be one. Returns 0, or -1 with the error set; console_close() in any
 * case. host is not copied. */
int console_open(struct console *c, const char *host, const struct output_options *o,
                 struct error *err);
void console_close(struct console *c);

void console_firmware(struct console *c, const struct firmware_file *f, int port);
void console_note(struct console *c, const char *text);
void console_progress(struct console *c, uint64_t sent, uint64_t total);

/* The same for a push of differences, where what the device holds counts, too. */
void console_progress_held(struct console *c, uint64_t there, uint64_t total);

/* What a push has sent. */
struct console_transfer {
    uint64_t bytes;   /* in both directions, without SSH's own */
    uint64_t archive; /* of the firmware */
    uint64_t stream;  /* of the firmware, unpacked */
    uint64_t held;    /* of the stream: what the device held */
    bool base;        /* the rest was sent as differences from an older firmware */
    bool whole;       /* the archive was sent, as the device holds little of it ... */
    bool slow;        /* ... or would have taken longer to look at what it holds */
};

void console_transfer(struct console *c, const struct console_transfer *t);

/*
 * What the push is doing now: "Waiting for the device ...". Overwritten on a terminal, else a note.
 */
void console_state(struct console *c, const char *text);

/* The same for what is of interest only while it lasts: shown on a terminal, else not at all. */
void console_glance(struct console *c, const char *text);

/* Bytes from the device. stream: 0 is its standard output, 1 standard error (with ssh's own
 * messages). */
void console_device_text(struct console *c, int stream, const char *data, size_t len);

/* The result, as the last line of the push. Returns the status, or EXIT_FAILED if that was 0 and
 * the log could not be written. */
int console_result(struct console *c, int status, const char *text);

#endif
