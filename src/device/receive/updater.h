/*
 * The updater: a child process with fwup's contract. Archive on standard input, options as fwup's,
 * text on standard output, exit status; waitpid(2) decides success, never a byte in the stream.
 */
#ifndef FWSSH_DEVICE_RECEIVE_UPDATER_H
#define FWSSH_DEVICE_RECEIVE_UPDATER_H

#include "device/config/device_config.h"
#include "device/receive/client.h"
#include "device/updaters/version_floor.h"

#include <stdint.h>

#define UPDATER_UNTIL_EOF UINT64_MAX

struct updater {
    char *program; /* a path; owned */
    const char *name;
    char *stage_path; /* write the slot only, and keep there what is left to do; owned; NULL */
    const char *task; /* in place of the key task; the caller's; NULL */
    bool handshake;   /* it knows --exit-handshake */
    struct version_floor floor;
};

/* Finds the program that the key updater means and learns what it can do. updater_free() ends it.
 */
int updater_find(struct updater *u, const struct device_config *config, struct error *err);
void updater_free(struct updater *u);

/* The options that name the keys which firmware must be signed with, each behind a blank. */
void updater_add_keys_to(const struct device_config *config, struct buffer *command);

struct updater_result {
    char uuid[40];                    /* of the firmware, if the updater told it */
    char version[VERSION_FLOOR_SIZE]; /* the same */
    bool switching;  /* it failed after it had begun to switch: the new firmware may boot next */
    uint64_t unread; /* announced bytes that it left unread (0 with UPDATER_UNTIL_EOF) */
};

/*
 * Runs it once with the next size bytes of the client, or all up to the end of the input. The
 * lock's descriptor is inherited. 0 when it succeeded; -1 with the error set when it failed, or
 * when the client went away or fell silent before the point of no return: it is then killed with
 * its process group and reaped. last: no other firmware follows, so that its last byte is the point
 * of no return. What it leaves behind in its process group is killed in any case.
 */
int updater_run(const struct updater *u, const struct device_config *config, const char *device,
                int lock, struct client *client, uint64_t size, bool last,
                struct updater_result *result, struct error *err);

#endif
