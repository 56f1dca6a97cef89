/* SPDX-License-Identifier: Apache-2.0 */
/* The work for one connection: takes the device's lock and writes firmware. */
#ifndef FWSSH_DEVICE_RECEIVE_JOB_H
#define FWSSH_DEVICE_RECEIVE_JOB_H

#include "device/config/device_config.h"
#include "device/receive/client.h"
#include "device/receive/result.h"
#include "device/receive/spool.h"
#include "device/updaters/updater_driver.h"
#include "wire/facts.h"

#include <stdbool.h>
#include <stdint.h>

struct job {
    const struct device_config *config;
    struct client *client;
    struct result result;
    double started;     /* io_now() */
    int lock;           /* -1: not taken */
    int disk;           /* the disk's lock, while firmware is written; else -1 */
    char *device;       /* resolved path, NULL before job_lock(); owned */
    struct facts slots; /* before the firmware that is written; empty: unknown */
    struct updater updater;
    struct version_floor floor;
    struct spool spool; /* room for the next firmware, if the updater wants a file */
};

struct job_firmware {
    uint64_t size;      /* bytes, or UPDATER_UNTIL_EOF */
    const char *task;   /* NULL: the key task */
    const char *sha256; /* of it, for slot_file.h; NULL: not told */
    bool stage;         /* only write it, to be activated later */
    bool last;          /* no other firmware follows */
    bool reboot;        /* reboot if it succeeds */
};

/* job_close() releases everything, in any case. */
void job_open(struct job *j, const struct device_config *config, struct client *client);
void job_close(struct job *j);

/*
 * Takes the device's lock, for every change to the device; also for a reboot, which would interrupt
 * another update. Returns 0, or -1 with the error set: EXIT_REFUSED if another update is running.
 */
int job_lock(struct job *j, struct error *err);

/* The same for what needs no device: if it cannot be found, there is nothing to lock, and an update
 * of any device counts. */
int job_lock_if_found(struct job *j, struct error *err);

/* Takes the disk's lock and checks whether an update may start: slots and updater. Changes nothing.
 * Returns 0, or -1 with the error set. */
int job_look(struct job *j, struct error *err);

/* The start of an update that job_look() has found possible: runs hook-precheck, and discards what
 * was staged before. stage: it will be staged. Returns 0, or -1 with the error set. */
int job_start(struct job *j, bool stage, struct error *err);

/* Both. */
int job_prepare(struct job *j, bool stage, struct error *err);

/* Reads which versions are too old (key refuse-older). Returns 0, or -1 with the error set. */
int job_read_floor(struct job *j, struct error *err);

/* After a switch: notes in the result that allow-older was used for it. */
void job_note_exception(struct job *j);

/* Whether this firmware can be taken as it is wanted, before a byte of it is read: reserves room
 * for it if the updater wants a file. Returns 0, or -1 with the error set. */
int job_agree(struct job *j, const struct job_firmware *firmware, struct error *err);

/* Writes a firmware, read from the client. Returns 0, or -1 with the error set, and with the
 * result's reboot set if the failed update needs one. */
int job_write(struct job *j, const struct job_firmware *firmware, struct error *err);

/* After the last firmware: more data from the client is an error. Returns 0, or -1 with it set. */
int job_check_surplus(struct job *j, struct error *err);

#endif
