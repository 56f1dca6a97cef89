/* SPDX-License-Identifier: Apache-2.0 */
/* `fwssh push --wait`: the device's return after its reboot, and what it runs then. */
#ifndef FWSSH_HOST_COMMAND_WAIT_H
#define FWSSH_HOST_COMMAND_WAIT_H

#include "engine/archive/firmware_file.h"
#include "host/agentless/agentless.h"
#include "host/command/host_options.h"
#include "host/remote/question.h"

/* One device before and after its update. */
struct wait {
    const struct host_options *o;
    const char *host;
    const struct firmware_file *firmware;
    struct firmware_stream *stream; /* of the firmware, read before; NULL: not read */
    struct console *console;
    struct agentless *agentless; /* open on the device; NULL: not, or it needs none */
    struct question before;      /* the device's status before the update; set by wait_begin() */
};

/*
 * Queries the device before anything is sent, and tells the user what cannot be verified
 * afterwards. Returns EXIT_DONE; else the device cannot be reached or has refused, and
 * w->before.text has the reason. wait_free() in any case.
 */
int wait_begin(struct wait *w);

/*
 * Waits until the device runs the firmware and it is confirmed, has come back with another one, or
 * the time is up. Returns EXIT_DONE, EXIT_REVERTED, EXIT_UNCONFIRMED, EXIT_UNREACHABLE, EXIT_ACCESS
 * or EXIT_INTERRUPTED; the line for the user is appended to text.
 */
int wait_return(struct wait *w, struct buffer *text);
void wait_free(struct wait *w);

/* Whether the device reported before the update that it runs this firmware. */
bool wait_runs_already(const struct wait *w);

#endif
