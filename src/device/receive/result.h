/* SPDX-License-Identifier: Apache-2.0 */
/* The outcome of an update or request, sent to the listener as one record (ARCHITECTURE.md,
 * "Processes and messages on the device"). */
#ifndef FWSSH_DEVICE_RECEIVE_RESULT_H
#define FWSSH_DEVICE_RECEIVE_RESULT_H

#include "base/error.h"
#include "device/config/device_config.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct result {
    uint32_t status;    /* enum exit_status, 0 to 4 */
    uint32_t reboot;    /* 1: reboot after the session has ended; rarely set after a failure */
    uint32_t told;      /* 1: the client was still connected and got it */
    uint32_t firmwares; /* how many were written */
    uint32_t asked;     /* 1: a query, which changed nothing */
    uint64_t bytes;     /* that updaters were given */
    char request[16];   /* verb in the subsystem fwssh, "" for the others */
    char task[64];      /* the one that was asked for, "": the key task */
    char uuid[40];      /* of the last firmware, "" if unknown */
    char text[512];     /* the error, or "" */
    char note[512];     /* for the log only, or "": overrides used, output of hooks */
};

/* What the listener sends on the same socket, one byte: the session has passed on the end of the
 * client's input, or has ended without one. */
#define RESULT_INPUT_ENDED 'E'
#define RESULT_INPUT_LOST 'L'

/* Sends the record to the listener over a SOCK_SEQPACKET socket, with the lock's descriptor (or
 * -1): the listener keeps the device locked until the reboot. Returns 0, or -1 with errno set. */
int result_send(int fd, const struct result *r, int lock);

/* Receives a record. Returns 1, 0 if the sender has closed the socket, or -1 with errno set. *lock
 * is -1 or a descriptor that the caller closes. */
int result_receive(int fd, struct result *r, int *lock);

/* False for the requests of the subsystem fwssh other than update. */
bool result_is_update(const struct result *r);

/* The task of an update. */
const char *result_task(const struct result *r, const struct device_config *config);

/* Appends to the note, after a semicolon. */
void result_note(struct result *r, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* What stands before the firmware's UUID in the line of result_describe(). */
#define RESULT_UUID ", UUID "
#define RESULT_DONE "update done: "

/* The outcome in one line, for the log and the file last-update. */
void result_describe(const struct result *r, char *text, size_t size);

/* Whether it is an update that was tried: one that was refused has done nothing. */
bool result_is_tried(const struct result *r);

/* Stores the outcome of an update in state-dir/last-update, for the request log; a failure to do so
 * is only logged. */
void result_keep(const struct result *r, const struct device_config *config);

#endif
