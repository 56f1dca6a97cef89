/* SPDX-License-Identifier: Apache-2.0 */
/* Serves a client, from its first byte to the last message to it (PROTOCOL.md). */
#ifndef FWSSH_DEVICE_RECEIVE_RECEIVE_H
#define FWSSH_DEVICE_RECEIVE_RECEIVE_H

#include "device/receive/job.h"
#include "wire/subsystem.h"

/* Serves the client of an open job as the subsystem requires. The job's result is set in any case.
 * volatile_key: the device's host key does not survive a reboot; reported by the request status. */
void receive_run(struct job *j, const struct subsystem *subsystem, bool volatile_key);

#endif
