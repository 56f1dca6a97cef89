/*
 * A question or an order to a device, in the subsystem fwssh (PROTOCOL.md, "Subsystem fwssh"):
 *
 *   request = "fwssh/1 " verb *( " " name "=" value ) LF
 *
 * A value holds no blanks; those of a reason travel as '_'.
 */
#ifndef FWSSH_WIRE_REQUEST_H
#define FWSSH_WIRE_REQUEST_H

#include "base/buffer.h"
#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define REQUEST_VERSION "fwssh/1"
#define REQUEST_MAX 1024 /* bytes, with the line's end */

enum request_verb {
    REQUEST_STATUS,
    REQUEST_LOG,
    REQUEST_CONFIRM,
    REQUEST_REVERT,
    REQUEST_REBOOT,
    REQUEST_UPDATE,
    REQUEST_ACTIVATE,
    REQUEST_VERBS /* how many there are */
};

struct request {
    enum request_verb verb;
    uint64_t size;    /* update: bytes of the firmware, 1 to 2^63-1 */
    char task[64];    /* update; "": the device's own */
    bool reboot;      /* update; yes where the request does not say */
    bool stage;       /* update; no where it does not say */
    char reason[200]; /* revert; "": none */
};

/* "status" ...; static. */
const char *request_name(enum request_verb verb);

/* Whether it changes anything on the device. */
bool request_changes(enum request_verb verb);

/* The verb of that name, REQUEST_VERBS if there is none. */
enum request_verb request_find_verb(const char *name);

/* All names, with blanks between them. */
void request_list_verbs(struct buffer *text);

/* A line without its end. 0, or -1 with the error set (EXIT_USAGE). */
int request_parse(const char *line, size_t len, struct request *q, struct error *err);

/* Appends the line with its end. What a reason holds besides printable ASCII becomes '_'. */
void request_print(const struct request *q, struct buffer *line);

#endif
