/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A process alongside a running updater that outlives a killed fwssh-receive: it keeps the
 * updater's input open, so that the updater cannot mistake our death for the end of the firmware,
 * and kills the updater's process group.
 */
#ifndef FWSSH_DEVICE_RECEIVE_UPDATER_GUARD_H
#define FWSSH_DEVICE_RECEIVE_UPDATER_GUARD_H

#include "base/error.h"

#include <sys/types.h>

struct updater_guard {
    pid_t pid;
    int control; /* closed when we are gone, which the guard notices */
};

/* Starts the guard. in: our end of the updater's input, of which the guard holds a copy. Returns 0,
 * or -1 with the error set. */
int updater_guard_start(struct updater_guard *g, pid_t updater, int in, struct error *err);

/* The input may end: the guard closes its copy. */
void updater_guard_release(struct updater_guard *g);

/* The updater has exited: ends the guard. */
void updater_guard_end(struct updater_guard *g);

#endif
