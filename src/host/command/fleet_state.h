/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How far a push to several devices has come (fwssh push --state), in a file that another run goes
 * on from. Lines are only appended, and flushed, so that a run that is killed loses none:
 *
 *   fwssh-fleet 1 FIRMWARE
 *   TIME STATUS HOST TEXT
 *
 * FIRMWARE: its UUID, or its SHA-256 if it has none. TIME: when it ended, as YYYY-MM-DDTHH:MM:SSZ.
 * STATUS: the exit status of a push to this host. The last line of a host counts; an incomplete
 * last line does not.
 */
#ifndef FWSSH_HOST_COMMAND_FLEET_STATE_H
#define FWSSH_HOST_COMMAND_FLEET_STATE_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

struct fleet_record {
    char *host; /* owned */
    int status;
};

struct fleet_state {
    const char *path; /* NULL: none is kept */
    int fd;           /* open for appending, and locked against another run */
    struct fleet_record *record;
    size_t count;
};

/*
 * Opens the file, or makes it; path NULL: nothing is kept. firmware: what it is known by. The path
 * is not copied. Returns 0, or -1 with the error set: another run has it, it is no such file, or it
 * is of another firmware. fleet_state_close() in any case.
 */
int fleet_state_open(struct fleet_state *s, const char *path, const char *firmware,
                     struct error *err);
void fleet_state_close(struct fleet_state *s);

/* Whether an earlier run has updated this host. */
bool fleet_state_is_done(const struct fleet_state *s, const char *host);

/* Adds how a push has ended. A device that is done stays so, also if it could not be asked later,
 * or is not confirmed. Returns 0, or -1 with the error set. */
int fleet_state_add(struct fleet_state *s, const char *host, int status, const char *text,
                    struct error *err);

#endif
