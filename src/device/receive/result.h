/* What an update came to, told to the listener as one record (ARCHITECTURE.md, "Processes and
 * messages"). */
#ifndef FWSSH_DEVICE_RECEIVE_RESULT_H
#define FWSSH_DEVICE_RECEIVE_RESULT_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct result {
    uint32_t status;    /* enum exit_status, 0 to 4 */
    uint32_t reboot;    /* 1: wanted, after the session has ended in order; seldom with a failure */
    uint32_t told;      /* 1: the client was there to hear it */
    uint32_t firmwares; /* how many were written */
    uint32_t asked;     /* 1: an empty request, which was only answered */
    char request[16];   /* of the subsystem fwssh, "" for the others */
    char uuid[40];      /* of the last one, "" if unknown */
    char text[512];     /* the error, or "" */
    char note[512];     /* for the log only, or "": overrides, what came of a hook */
};

/*
 * What the listener sends down the same socket, one byte: the session has passed on the end of the
 * client's input, or it is gone without one.
 */
#define RESULT_INPUT_ENDED 'E'
#define RESULT_INPUT_LOST 'L'

/*
 * Sends the record to the listener over a SOCK_SEQPACKET socket, with the lock's descriptor (or
 * -1): the listener keeps the device locked until the reboot. 0, or -1 with errno.
 */
int result_send(int fd, const struct result *r, int lock);

/* Receives one: 1, 0 when the sender ended without one, -1 with errno. *lock is -1 or the caller's.
 */
int result_receive(int fd, struct result *r, int *lock);

/* Not one of the other requests of the subsystem fwssh. */
bool result_is_update(const struct result *r);

/* Adds to the note. */
void result_note(struct result *r, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* "done", or the text and status, for the log and the file last-update. */
void result_describe(const struct result *r, char *text, size_t size);

/* Keeps it in state-dir/last-update for the next person who looks; a failure is only logged. */
void result_keep(const struct result *r, const char *state_dir);

#endif
