/* A firmware on its way: header and firmware go into ssh, the device's text comes out. */
#ifndef FWSSH_HOST_REMOTE_TRANSFER_H
#define FWSSH_HOST_REMOTE_TRANSFER_H

#include "engine/archive/firmware_file.h"
#include "host/output/console.h"
#include "host/remote/ssh_run.h"

#include <stdbool.h>
#include <stdint.h>

struct transfer {
    /* What is sent; the caller's. */
    const char *header; /* "": none */
    bool asks;          /* the header is a request: nothing is sent before its answer */
    const struct firmware_file *firmware; /* read from where its descriptor stands */
    struct console *console;              /* shows the progress and the device's text */

    /* What came of it. */
    struct ssh_run ssh;
    uint64_t sent, total; /* bytes of the firmware (not the header) that ssh has taken */
    double all_sent;      /* io_now(); 0: not all */
};

/* 0 when ssh ran to its end, or was stopped by an interrupt; -1 with the error set.
 * transfer_free() in any case. */
int transfer_run(struct transfer *t, const struct ssh_call *call, struct error *err);
void transfer_free(struct transfer *t);

#endif
