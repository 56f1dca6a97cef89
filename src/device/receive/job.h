/* What one connection has the device do: it holds the lock, and writes firmware. */
#ifndef FWSSH_DEVICE_RECEIVE_JOB_H
#define FWSSH_DEVICE_RECEIVE_JOB_H

#include "device/config/device_config.h"
#include "device/receive/client.h"
#include "device/receive/result.h"
#include "device/updaters/updater_driver.h"

#include <stdbool.h>
#include <stdint.h>

struct job {
    const struct device_config *config;
    struct client *client;
    struct result result;
    int lock;     /* -1: not taken */
    char *device; /* its resolved path, NULL before the lock was tried; owned */
    struct updater updater;
    struct version_floor floor;
};

struct job_firmware {
    uint64_t size;    /* bytes, or UPDATER_UNTIL_EOF */
    const char *task; /* NULL: the key task */
    bool stage;       /* only write it; it is activated later */
    bool last;        /* no other firmware follows */
    bool reboot;      /* a good end is followed by a reboot */
};

/* job_close() ends it, in any case. */
void job_open(struct job *j, const struct device_config *config, struct client *client);
void job_close(struct job *j);

/* Takes the device's lock, for whatever is to change it; a reboot, too, as it would cut another
 * update in the middle. */
int job_lock(struct job *j, struct error *err);

/* Whether an update may start: the slots, the site's hook, the updater. stage: it is to be staged.
 */
int job_prepare(struct job *j, bool stage, struct error *err);

/* One firmware: the client's next bytes. Sets the result's reboot where a failed update needs one.
 */
int job_write(struct job *j, const struct job_firmware *firmware, struct error *err);

/* After the last firmware: nothing more may have been sent. */
int job_check_surplus(struct job *j, struct error *err);

#endif
