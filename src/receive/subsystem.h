/* The subsystems that a device offers: the one table of their names. */
#ifndef FWSSH_RECEIVE_SUBSYSTEM_H
#define FWSSH_RECEIVE_SUBSYSTEM_H

#include <stdbool.h>

struct subsystem {
    const char *name;
    bool header; /* a line of commands comes before the data (PROTOCOL.md) */
};

/* NULL if the device does not offer it. */
const struct subsystem *subsystem_find(const char *name);

#endif
