/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A firmware in a file, for an updater that seeks in it. The file has no name, so that nothing is
 * left of it however this ends, and its room is reserved before the client sends a byte.
 */
#ifndef FWSSH_DEVICE_RECEIVE_SPOOL_H
#define FWSSH_DEVICE_RECEIVE_SPOOL_H

#include "device/config/device_config.h"
#include "device/receive/client.h"

struct spool {
    int fd; /* -1: none */
    const char *dir;
    uint64_t size;
};

/* None. */
#define SPOOL_NONE ((struct spool){.fd = -1})

/* Reserves room for size bytes (keys spool-dir, spool-max). Returns 0, or -1 with the error set:
 * EXIT_REFUSED if there is not enough. spool_close() in any case. */
int spool_reserve(struct spool *s, const struct device_config *config, uint64_t size,
                  struct error *err);

/* Receives the firmware. After that, fd is open for reading only, and nothing else can write to the
 * file. Returns 0, or -1 with the error set. */
int spool_fill(struct spool *s, struct client *client, struct error *err);

void spool_close(struct spool *s);

#endif
