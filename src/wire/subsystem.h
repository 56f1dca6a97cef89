/* SPDX-License-Identifier: Apache-2.0 */
/* The subsystems that a device offers: the one table of their names. */
#ifndef FWSSH_WIRE_SUBSYSTEM_H
#define FWSSH_WIRE_SUBSYSTEM_H

/* Their names, which clients request. */
#define SUBSYSTEM_NERVES "nerves_firmware_ssh"
#define SUBSYSTEM_FWUP "fwup"
#define SUBSYSTEM_FWSSH "fwssh"

enum subsystem_kind {
    SUBSYSTEM_HEADER,  /* a line of commands comes before the data (header.h) */
    SUBSYSTEM_DATA,    /* data only */
    SUBSYSTEM_REQUEST, /* a request line (request.h), then an answer (answer.h) */
};

struct subsystem {
    const char *name;
    enum subsystem_kind kind;
};

/* The subsystem with this name (static), or NULL if there is none. */
const struct subsystem *subsystem_find(const char *name);

#endif
