/* One run of ssh: header and firmware go in, the device's text comes out. */
#ifndef FWSSH_HOST_REMOTE_TRANSFER_H
#define FWSSH_HOST_REMOTE_TRANSFER_H

#include "base/buffer.h"
#include "host/output/console.h"
#include "host/remote/ssh_command.h"

#include <stdbool.h>

/* The ends of both texts are kept for finding out what happened. */
#define TRANSFER_TEXT_MAX 32768

struct transfer {
    uint64_t sent, total; /* bytes of the firmware (not the header) that ssh has taken */
    struct buffer out, err;
    int wait_status;
    double began, all_sent, ended; /* io_now(); all_sent 0: not all */
    bool interrupted, timed_out;
};

/* header may be "". seconds: after so many ssh is ended (timed_out); 0: never. 0 when ssh ran to
 * its end, -1 with the error set. transfer_free() in any case.
 */
int transfer_run(struct transfer *t, const struct push_options *o, const struct ssh_target *target,
                 const char *header, struct firmware_file *firmware, double seconds,
                 struct console *console, struct error *err);
void transfer_free(struct transfer *t);

/* Has SIGINT and SIGTERM end the transfer in order. */
void transfer_watch_signals(void);

/* Whether one of them came. */
bool transfer_is_interrupted(void);

/* How often. */
int transfer_interrupts(void);

/* So many seconds, or until one of them comes. */
void transfer_pause(double seconds);

#endif
