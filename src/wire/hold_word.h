/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What fwssh-hold tells the program that started it, on a pipe:
 *
 *   line = "none" / "go " size / "whole " size / "complete" / "failed " status " " reason
 */
#ifndef FWSSH_WIRE_HOLD_WORD_H
#define FWSSH_WIRE_HOLD_WORD_H

#include "base/buffer.h"
#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

#define HOLD_WORD_MAX 1024

enum hold_word_kind {
    HOLD_NONE,     /* the host wanted to know, and no update */
    HOLD_GO,       /* the host wants the update, a stream of size bytes: start the updater */
    HOLD_WHOLE,    /* the host sends the archive itself, of size bytes, and no more records */
    HOLD_COMPLETE, /* everything has been put together and checked: nothing more is needed */
    HOLD_FAILED,
};

struct hold_word {
    enum hold_word_kind kind;
    uint64_t size;
    struct error error; /* of HOLD_FAILED; its status is one for the wire */
};

void hold_word_print(const struct hold_word *w, struct buffer *line);

/* Parses a line without its newline; -1 if it is none. */
int hold_word_parse(const char *line, struct hold_word *w);

#endif
