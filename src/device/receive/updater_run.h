/*
 * One run of the updater on a firmware: a child process that reads the client's bytes on its
 * standard input and prints text for the client. waitpid(2) decides success, never a byte in the
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
    int lock;      /* inherited by the updater */
    uint64_t size; /* bytes of the firmware; UPDATER_UNTIL_EOF: all up to the end of the input */
    bool last;     /* no other firmware follows: its last byte is the point of no return */
};

struct updater_outcome {
    struct updater_result said;
    bool failed;     /* it ended by itself, without success */
    uint64_t unread; /* announced bytes that it left unread (0 with UPDATER_UNTIL_EOF) */
};

/*
 * 0 when it succeeded; -1 with the error set when it failed, or when the client went away or fell
 * silent before the point of no return: it is then killed with its process group and reaped. What
 * it leaves behind in its process group is killed in any case.
 */
int updater_run(const struct updater_run *r, struct updater_outcome *outcome, struct error *err);

#endif
