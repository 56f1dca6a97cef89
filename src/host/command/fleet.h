/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pushes a firmware to several devices: some at once (--jobs), each in a process of its own; one
 * process shows them all. The first ones can go alone (--canary), and too many failures stop the
 * rest (--max-failures). Those that cannot be reached are tried again (--until), and another run
 * goes on where this one ended (--state, fleet_state.h). After an interrupt no more devices are
 * started; a second one stops those in progress.
 */
#ifndef FWSSH_HOST_COMMAND_FLEET_H
#define FWSSH_HOST_COMMAND_FLEET_H

#include "host/command/push_device.h"

/* Returns EXIT_DONE, EXIT_SOME_FAILED or EXIT_INTERRUPTED; -1 with the error set if --state kept it
 * from beginning. */
int fleet_run(const struct host_options *o, const struct push_firmware *firmware,
              struct error *err);

#endif
