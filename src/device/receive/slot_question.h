/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A question about the slots, asked in a child process: what it asks (libubootenv's lock, a site's
 * command, flash that fails) may never answer, and who waits has more to do.
 */
#ifndef FWSSH_DEVICE_RECEIVE_SLOT_QUESTION_H
#define FWSSH_DEVICE_RECEIVE_SLOT_QUESTION_H

#include "device/config/device_config.h"

#include <sys/types.h>

struct slot_question {
    pid_t pid;  /* 0: none is asked */
    double end; /* it is killed then (io_now()) */
};

enum slot_answer {
    SLOT_ANSWER_CONFIRMED,   /* the running firmware is confirmed */
    SLOT_ANSWER_UNCONFIRMED, /* or this could not be read */
    SLOT_ANSWER_UNKNOWN,     /* this device cannot report it */
    SLOT_ANSWER_NONE,        /* it was killed: no answer in time */
    SLOT_ANSWER_LATER,       /* it is still being asked */
};

/* Asks whether the running firmware is confirmed. Returns 0, or -1 with the error set. */
int slot_question_confirmed(struct slot_question *q, const struct device_config *config,
                            struct error *err);

/* Asks for what a U-Boot device remembers at the first query since the boot: which slot is running.
 * The child logs a failure. Returns 0, or -1 with the error set. */
int slot_question_running(struct slot_question *q, const struct device_config *config,
                          struct error *err);

/* Never blocks; kills a child that takes too long. After any other answer than SLOT_ANSWER_LATER
 * the question is over. */
enum slot_answer slot_question_poll(struct slot_question *q);

/* For a caller that reaps all its children: the answer of a status from waitpid(2). */
enum slot_answer slot_question_end(struct slot_question *q, int wait_status);

#endif
