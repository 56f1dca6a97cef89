/* A firmware to one device. */
#ifndef FWSSH_PUSH_PUSH_DEVICE_H
#define FWSSH_PUSH_PUSH_DEVICE_H

#include "push/console.h"
#include "push/push_options.h"

/* From the first question to the last word on the console. The firmware's descriptor is read from
 * its beginning. Returns the exit status. */
int push_device(const struct push_options *o, const char *host, struct firmware_file *firmware,
                struct console *console);

#endif
