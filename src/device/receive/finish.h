/* SPDX-License-Identifier: Apache-2.0 */
/* What follows when the client has its answer: result, hooks, reboot. */
#ifndef FWSSH_DEVICE_RECEIVE_FINISH_H
#define FWSSH_DEVICE_RECEIVE_FINISH_H

#include "device/receive/job.h"

/*
 * Stores the result, runs the hooks and arranges the reboot. listener: the listener's socket, or -1
 * if another SSH server started this program; then this process has to reboot, and a failure to do
 * so changes the result's status.
 */
void finish(struct job *j, int listener);

#endif
