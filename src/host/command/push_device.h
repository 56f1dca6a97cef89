/* A firmware to one device. */
#ifndef FWSSH_HOST_COMMAND_PUSH_DEVICE_H
#define FWSSH_HOST_COMMAND_PUSH_DEVICE_H

#include "engine/archive/firmware_file.h"
#include "host/command/host_options.h"

/* From the first question to the last word on the console. The firmware's descriptor is read from
 * its beginning. Returns the exit status. */
int push_device(const struct host_options *o, const char *host,
                const struct firmware_file *firmware, struct console *console);

#endif
