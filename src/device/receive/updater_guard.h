/*
 * A process beside a running updater that outlives a killed fwssh-receive: it keeps the updater's
 * input open, so that the updater cannot take our death for the end of the firmware, and kills its
 * process group.
 */
#ifndef FWSSH_DEVICE_RECEIVE_UPDATER_GUARD_H
#define FWSSH_DEVICE_RECEIVE_UPDATER_GUARD_H

#include "base/error.h"

#include <sys/types.h>

struct updater_guard {
    pid_t pid;
    int control; /* its end tells the guard that we are gone */
};

/* in: the end of the updater's input that we write to. The guard holds a copy of it. */
int updater_guard_start(struct updater_guard *g, pid_t updater, int in, struct error *err);

/* The input may end: the guard lets go of its copy. */
void updater_guard_release(struct updater_guard *g);

/* The updater has ended; so does the guard. */
void updater_guard_end(struct updater_guard *g);

#endif
