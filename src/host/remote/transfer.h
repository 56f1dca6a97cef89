/* SPDX-License-Identifier: Apache-2.0 */
/* Sends a firmware: header and firmware go into ssh, the device's text comes out. */
#ifndef FWSSH_HOST_REMOTE_TRANSFER_H
#define FWSSH_HOST_REMOTE_TRANSFER_H

#include "engine/archive/firmware_file.h"
#include "host/output/console.h"
#include "host/remote/ssh_run.h"

#include <stdbool.h>
#include <stdint.h>

/* What `fwssh selftest` does to a firmware on its way. */
#define TRANSFER_NEVER UINT64_MAX
struct transfer_fault {
    uint64_t damage_at; /* the place of the byte that is changed, or TRANSFER_NEVER */
    uint64_t cut_at;    /* after how many bytes the connection is cut, or TRANSFER_NEVER */
    bool met;           /* set: ssh has taken the damaged byte, or has been cut off */
};

struct transfer {
    /* What to send; owned by the caller. */
    const char *header;           /* "": none */
    double until;                 /* io_now() when to give up; 0: never */
    bool asks;                    /* the header is a request: wait for its answer before sending */
    struct transfer_fault *fault; /* NULL: none */
    const struct firmware_file *firmware; /* others may read its descriptor at the same time */
    struct console *console;              /* shows the progress and the device's text */

    /* The outcome. */
    struct ssh_run ssh;
    uint64_t sent, total; /* bytes of the firmware (not the header) that ssh has taken */
    double all_sent;      /* io_now(); 0: not all */
};

/* Returns 0 if ssh has exited, or was stopped by an interrupt; -1 with the error set.
 * transfer_free() in any case. */
int transfer_run(struct transfer *t, const struct ssh_call *call, struct error *err);

/* The same step by step, for who has more to say (host/adaptive). Starts ssh and sends the header;
 * ssh.decode and its data may be set before. */
int transfer_start(struct transfer *t, const struct ssh_call *call, struct error *err);

/* Waits for the answer to a header that asks. Returns 1 for "ok", 0 if there is none, or another
 * one, -1 with the error set. */
int transfer_await(struct transfer *t, struct error *err);

/* Sets a time of its own for the next wait, if it is earlier than the transfer's. Returns whether
 * it is; the caller restores until. */
bool transfer_limit(struct transfer *t, double end);

/* Sends the firmware until ssh exits or is stopped. */
int transfer_send(struct transfer *t, struct error *err);

/* Waits for ssh, which is killed if it failed (rc other than 0) or was stopped. */
void transfer_end(struct transfer *t, int rc);
void transfer_free(struct transfer *t);

#endif
