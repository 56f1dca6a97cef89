/* The subsystems that a device offers: the one table of their names. */
#ifndef FWSSH_WIRE_SUBSYSTEM_H
#define FWSSH_WIRE_SUBSYSTEM_H

enum subsystem_kind {
    SUBSYSTEM_HEADER,  /* a line of commands comes before the data (PROTOCOL.md) */
    SUBSYSTEM_DATA,    /* data only */
    SUBSYSTEM_REQUEST, /* a line asks (request.h) */
};

struct subsystem {
    const char *name;
    enum subsystem_kind kind;
};

/* NULL if the device does not offer it. */
const struct subsystem *subsystem_find(const char *name);

#endif
