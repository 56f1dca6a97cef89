/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs the updater on a firmware: a child process that reads the client's data on its standard
 * input and prints text for the client. waitpid(2) decides about success, never a byte in the
 * stream.
 */
#ifndef FWSSH_DEVICE_RECEIVE_UPDATER_RUN_H
#define FWSSH_DEVICE_RECEIVE_UPDATER_RUN_H

#include "device/receive/client.h"
#include "device/updaters/updater_driver.h"
#include "wire/updater_result.h"

#include <stdint.h>

#define UPDATER_UNTIL_EOF UINT64_MAX

struct updater_run {
    const struct updater *updater;
    const struct device_config *config;
    const struct updater_job *job;
    struct client *client;
    int lock, disk; /* the lock file and the disk's lock (-1: none), inherited by the updater */
    uint64_t size;  /* bytes of the firmware; UPDATER_UNTIL_EOF: up to the end of input */
    int file;       /* the whole firmware, in place of the client's input; -1: none */
    bool last;      /* no other firmware follows: its last byte is the point of no return */
};

struct updater_outcome {
    struct updater_result said;
    bool failed;     /* it exited by itself, without success */
    bool unsure;     /* it was killed when it may have switched without saying so */
    uint64_t given;  /* bytes that it was given */
    uint64_t unread; /* announced bytes that it left unread (0 with UPDATER_UNTIL_EOF) */
};

/*
 * Returns 0 if it succeeded; -1 with the error set if it failed, or if the client was lost or
 * silent before the point of no return: then it is killed with its process group. Whatever it
 * leaves in its process group is killed in any case.
 */
int updater_run(const struct updater_run *r, struct updater_outcome *outcome, struct error *err);

#endif
