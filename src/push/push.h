/* `fwssh push`: a firmware to a device, or to several (fleet.h). */
#ifndef FWSSH_PUSH_PUSH_H
#define FWSSH_PUSH_PUSH_H

#include "push/console.h"
#include "push/push_options.h"

/* The exit status: that of the one device, or EXIT_SOME_FAILED when some of several failed. */
int push_run(const struct push_options *o);

/* One device, from its first question to the last word. The firmware's descriptor is its own. */
int push_device(const struct push_options *o, const char *host, struct firmware_file *firmware,
                struct console *console);

#endif
