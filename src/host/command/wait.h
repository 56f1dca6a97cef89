/* `fwssh push --wait`: the device's return after its reboot, and what it runs then. */
#ifndef FWSSH_HOST_COMMAND_WAIT_H
#define FWSSH_HOST_COMMAND_WAIT_H

#include "host/command/push_options.h"
#include "host/output/console.h"
#include "host/remote/remote.h"

/* What the device said of itself before the update. */
struct wait {
    struct remote_answer before;
};

/*
 * Asks the device before anything is sent, and tells what it will not be able to tell afterwards.
 * An error only when the device cannot be reached or refuses: the status, and the text in
 * w->before. wait_free() in any case.
 */
int wait_begin(struct wait *w, const struct push_options *o, const char *host,
               struct console *console);

/*
 * Until the device runs the firmware and it is confirmed, has come back with another one, or the
 * time is up. EXIT_DONE, EXIT_REVERTED, EXIT_UNCONFIRMED, EXIT_UNREACHABLE, EXIT_ACCESS or
 * EXIT_INTERRUPTED; text gets the line.
 */
int wait_return(struct wait *w, const struct push_options *o, const char *host,
                const struct firmware_file *firmware, struct console *console, struct buffer *text);
void wait_free(struct wait *w);

/* Whether the facts are those of a device that runs this firmware. */
bool wait_runs(const struct facts *facts, const struct firmware_file *firmware);

#endif
