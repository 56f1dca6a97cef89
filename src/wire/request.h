/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A request to a device in the subsystem fwssh (PROTOCOL.md, "Subsystem fwssh"):
 *
 *   request = "fwssh/1 " verb *( " " name "=" value ) LF
 *
 * A value contains no blanks; in a reason they are sent as '_'.
 */
#ifndef FWSSH_WIRE_REQUEST_H
#define FWSSH_WIRE_REQUEST_H

#include "base/buffer.h"
#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define REQUEST_VERSION "fwssh/1"
/* Seconds that the device may take to activate a staged firmware: long enough to read a slot of 8
 * GiB at 5 MB/s. */
#define REQUEST_ACTIVATE_SECONDS 1800
#define REQUEST_MAX 1024 /* bytes, including the newline */

enum request_verb {
    REQUEST_STATUS,
    REQUEST_LOG,
    REQUEST_CONFIRM,
    REQUEST_REVERT,
    REQUEST_REBOOT,
    REQUEST_UPDATE,
    REQUEST_ACTIVATE,
    REQUEST_ASSEMBLE, /* an update of which only what the device lacks is sent (wire/assembly.h) */
    REQUEST_VERBS     /* number of verbs */
};

struct request {
    enum request_verb verb;
    uint64_t size;    /* update: bytes of the firmware, 1 to 2^63-1 */
    char task[64];    /* update, assemble; "": the key task of the device */
    bool reboot;      /* the same; default yes */
    bool stage;       /* the same; default no */
    char sha256[65];  /* update: of the firmware, hex digits; "": not told */
    char reason[200]; /* revert; "": none */
};

/* The name of a verb, such as "status"; static. */
const char *request_name(enum request_verb verb);

/* Whether the verb changes anything on the device. */
bool request_changes(enum request_verb verb);

/* The verb with this name, or REQUEST_VERBS if there is none. */
enum request_verb request_find_verb(const char *name);

/* Appends the names of all verbs, separated by blanks; assemble only if the device can do that. */
void request_list_verbs(struct buffer *text, bool assembles);

/* Parses a line without its newline. Returns 0, or -1 with the error set (EXIT_USAGE). */
int request_parse(const char *line, size_t len, struct request *q, struct error *err);

/*
 * Appends the line with its newline. Characters in a reason other than printable ASCII become '_'.
 */
void request_print(const struct request *q, struct buffer *line);

#endif
