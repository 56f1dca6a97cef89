/* SPDX-License-Identifier: Apache-2.0 */
/* Pushes a firmware to one device. */
#ifndef FWSSH_HOST_COMMAND_PUSH_DEVICE_H
#define FWSSH_HOST_COMMAND_PUSH_DEVICE_H

#include "engine/archive/firmware_file.h"
#include "host/adaptive/firmware_stream.h"
#include "host/command/host_options.h"

struct push_firmware {
    const struct firmware_file *file;
    struct firmware_stream *stream; /* its content, read before; NULL: each push reads it */
};

/* What is known of a device before a push, and what is known afterwards. */
struct push_history {
    bool done_before; /* an earlier run has updated it: it is not pushed to while it runs that */
    bool waited;      /* set: the device got everything, and was waited for */
};

/* As push_device(), but the line for the user is appended to text instead of printed. */
int push_device_run(const struct host_options *o, const char *host,
                    const struct push_firmware *firmware, struct console *console,
                    struct push_history *history, struct buffer *text);

/* Asks the device, sends the firmware, and prints the result on the console. Returns the exit
 * status. */
int push_device(const struct host_options *o, const char *host,
                const struct push_firmware *firmware, struct console *console,
                struct push_history *history);

#endif
