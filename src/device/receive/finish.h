/* After the last word to the client: result, hooks, reboot. */
#ifndef FWSSH_DEVICE_RECEIVE_FINISH_H
#define FWSSH_DEVICE_RECEIVE_FINISH_H

#include "device/receive/job.h"

/*
 * Keeps the result, runs the hooks and sees to the reboot. listener: its socket, or -1 where an SSH
 * server started this program; then the reboot is ours, and a failure of it changes the result's
 * status.
 */
void finish(struct job *j, int listener);

#endif
