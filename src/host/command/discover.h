/* SPDX-License-Identifier: Apache-2.0 */
/* `fwssh discover`, and `fwssh push --discovered`: the devices that announce themselves. */
#ifndef FWSSH_HOST_COMMAND_DISCOVER_H
#define FWSSH_HOST_COMMAND_DISCOVER_H

#include "host/command/host_options.h"

/* Prints them. Returns the exit status: EXIT_UNREACHABLE if there are none. */
int discover_run(const struct host_options *o);

/* Adds them to the hosts of a push, after a question to the user. Returns 0, or -1 with the error
 * set: there are none, or the user does not want them. */
int discover_add_hosts(struct host_options *o, struct error *err);

#endif
