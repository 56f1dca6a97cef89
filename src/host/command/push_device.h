/* A firmware to one device. */
#ifndef FWSSH_HOST_COMMAND_PUSH_DEVICE_H
#define FWSSH_HOST_COMMAND_PUSH_DEVICE_H

#include "host/command/push_options.h"
#include "host/output/console.h"

/* From the first question to the last word on the console. The firmware's descriptor is read from
 * its beginning. Returns the exit status. */
int push_device(const struct push_options *o, const char *host, struct firmware_file *firmware,
                struct console *console);

#endif
