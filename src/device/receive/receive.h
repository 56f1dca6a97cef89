/* The conversation with a client, from its first byte to the last word to it (PROTOCOL.md). */
#ifndef FWSSH_DEVICE_RECEIVE_RECEIVE_H
#define FWSSH_DEVICE_RECEIVE_RECEIVE_H

#include "device/receive/job.h"
#include "wire/subsystem.h"

/*
 * Serves the client of an open job as the subsystem has it; the job's result is filled in any case.
 * volatile_key: the device's host key does not survive a reboot, which status reports.
 */
void receive_run(struct job *j, const struct subsystem *subsystem, bool volatile_key);

#endif
