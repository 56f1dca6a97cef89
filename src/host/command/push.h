/* SPDX-License-Identifier: Apache-2.0 */
/* `fwssh push`: sends a firmware to a device (push_device.h), or to several (fleet.h). */
#ifndef FWSSH_HOST_COMMAND_PUSH_H
#define FWSSH_HOST_COMMAND_PUSH_H

#include "host/command/host_options.h"

/*
 * Returns the exit status: that of a single device, or EXIT_SOME_FAILED if some of several failed.
 */
int push_run(struct host_options *o);

#endif
