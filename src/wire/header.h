/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The header of the subsystem nerves_firmware_ssh: one line of commands (PROTOCOL.md, "Header").
 *
 *   header  = command *( "," command ) LF
 *   command = "fwup:" size / "fwup(" size ")" / "reboot"     ; reboot only as the last one
 *   size    = 1*DIGIT                                        ; 1 to 2^63-1
 */
#ifndef FWSSH_WIRE_HEADER_H
#define FWSSH_WIRE_HEADER_H

#include "base/buffer.h"
#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HEADER_MAX 4096 /* bytes, including the newline */
#define HEADER_PAYLOADS_MAX 64

struct header {
    size_t count;
    uint64_t size[HEADER_PAYLOADS_MAX]; /* bytes of each payload */
    bool reboot;
};

/* Parses a line without its newline. Returns 0, or -1 with the error set: EXIT_USAGE and a text for
 * the client. */
int header_parse(const char *line, size_t len, struct header *h, struct error *err);

/* Appends the line with its newline. */
void header_print(const struct header *h, struct buffer *line);

#endif
