/*
 * A firmware to several devices: so many at once, each in a process of its own, shown by one. The
 * first ones may go alone (--canary), and too many failures end it (--max-failures). An interrupt
 * begins no more devices, a second one stops those that are under way.
 */
#ifndef FWSSH_HOST_COMMAND_FLEET_H
#define FWSSH_HOST_COMMAND_FLEET_H

#include "engine/archive/firmware_file.h"
#include "host/command/host_options.h"

/* EXIT_DONE, EXIT_SOME_FAILED or EXIT_INTERRUPTED. */
int fleet_run(const struct host_options *o, const struct firmware_file *firmware);

#endif
