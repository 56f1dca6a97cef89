/* `fwssh push`: a firmware to a device (push_device.h), or to several (fleet.h). */
#ifndef FWSSH_HOST_COMMAND_PUSH_H
#define FWSSH_HOST_COMMAND_PUSH_H

#include "host/command/host_options.h"

/* The exit status: that of the one device, or EXIT_SOME_FAILED when some of several failed. */
int push_run(struct host_options *o);

#endif
