/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An update of which the client sends only what the device lacks: fwssh-hold serves the client's
 * questions, puts the firmware together and takes our place at the connection (ARCHITECTURE.md,
 * "Putting a firmware together").
 */
#ifndef FWSSH_DEVICE_RECEIVE_ASSEMBLY_H
#define FWSSH_DEVICE_RECEIVE_ASSEMBLY_H

#include "device/receive/job.h"
#include "wire/facts.h"
#include "wire/hold_word.h"

#include <sys/types.h>

struct assembly {
    struct client *client; /* NULL: not open; its descriptors lead to fwssh-hold while it is */
    pid_t pid;
    int feed, text, word; /* our ends of its pipes */
    int in, out, err;     /* the client's own descriptors */
    struct buffer line;   /* of a word, not complete yet */
};

/* Not open. */
#define ASSEMBLY_NONE ((struct assembly){.feed = -1, .text = -1, .word = -1})

/* Whether this device can do it (key adaptive, hold-program). 0, or -1 with EXIT_USAGE: as a
 * device that does not know the request. */
int assembly_check(const struct device_config *config, struct error *err);

/* Whether it can, for the device's status. */
bool assembly_is_possible(const struct device_config *config);

/* Sends what is known of the device, as the first record. */
void assembly_say_facts(struct client *client, const struct facts *facts);

/* Sends text after the facts, if fwssh-hold could not be started. */
void assembly_say_text(struct client *client, const char *text);

/* Starts fwssh-hold for the job's device; the client's input is from now on the firmware that it
 * puts together. task: NULL for the key task. 0, or -1 with the error set; assembly_close() in any
 * case. */
int assembly_open(struct assembly *a, const struct job *j, const char *task, struct error *err);

/* Waits until the client says what it wants (HOLD_NONE, HOLD_GO, HOLD_WHOLE). 0, or -1 with the
 * error set. */
int assembly_await(struct assembly *a, struct hold_word *word, struct error *err);

/* Replaces the error of a failed update by what fwssh-hold says, or that it has died, if that is
 * why it failed. */
void assembly_explain(struct assembly *a, struct error *err);

/* If fwssh-hold has died, gives the client its descriptors back, so that it hears why. */
void assembly_recover(struct assembly *a);

/* Gives the client its descriptors back, once everything said has been sent. Does nothing if it is
 * not open. */
void assembly_close(struct assembly *a);

#endif
