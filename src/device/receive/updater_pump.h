/* SPDX-License-Identifier: Apache-2.0 */
/* The loop that moves bytes while an updater runs, and decides when it must be killed. */
#ifndef FWSSH_DEVICE_RECEIVE_UPDATER_PUMP_H
#define FWSSH_DEVICE_RECEIVE_UPDATER_PUMP_H

#include "device/receive/client.h"
#include "device/receive/updater_guard.h"
#include "wire/updater_result.h"

#include <stdint.h>
#include <sys/types.h>

#define PUMP_TEXT_SIZE 16384

/* Text on its way from the updater to the client. */
struct pump_text {
    char data[PUMP_TEXT_SIZE];
    size_t pos, len;
};

struct updater_pump {
    struct client *client; /* gets the text; its connection must last until the last byte */
    int from;              /* source of the firmware: the client's input, or any other */
    struct buffer *ahead;  /* already read from it; goes first */
    bool handshake;
    pid_t pid;
    int *in, *out, *err, *result; /* our ends of its pipes; closed and set to -1 as they end */
    struct updater_result *said;  /* gets what comes on result */
    int timeout;                  /* seconds without a sign of life, after which it is killed */
    uint64_t left; /* bytes still to pass on; UPDATER_UNTIL_EOF: until the input ends */
    uint64_t hold; /* the last bytes, which are passed on when all of them have come; then 0 */

    bool last;            /* no other firmware follows in the session */
    uint64_t moved_bytes; /* passed on so far */
    bool past_return;     /* the last byte has arrived: the update will be completed */
    bool timed_out;       /* it was killed, because it gave no sign of life */
    int wait_status;      /* from waitpid(2); -1 if it could not even be killed */

    /* private to the loop */
    int pidfd; /* -1: the kernel has none */
    struct updater_guard guard;
    bool sink_full, copy;
    bool broken_off; /* nobody writes to from any more */
    bool seen_1a, shaken;
    bool mute;         /* nobody reads its text: dropped */
    double moved;      /* when it last gave a sign of life, or was not waited for (io_now()) */
    double text_moved; /* when the client last read of its text, or nothing was left to read */
    struct pump_text text[2];
};

/* Returns 0 when the updater has exited by itself, or -1 with the error set when it had to be
 * killed. It has been reaped in either case. */
int updater_pump_run(struct updater_pump *p, struct error *err);

#endif
