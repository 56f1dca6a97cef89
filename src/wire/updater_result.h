/*
 * What an updater tells the program that started it, beyond its exit status: lines on the
 * descriptor that the environment variable FWSSH_RESULT_FD names (PROTOCOL.md, "The updater").
 *
 *   line = "switching" / "switched back" / status " " uuid " " version
 */
#ifndef FWSSH_WIRE_UPDATER_RESULT_H
#define FWSSH_WIRE_UPDATER_RESULT_H

#include "base/error.h"

#include <stdbool.h>

#define UPDATER_RESULT_VARIABLE "FWSSH_RESULT_FD"

struct updater_result {
    enum exit_status
        status;       /* EXIT_MISMATCH or EXIT_FAILED; what it says of a success is ignored */
    bool switching;   /* it was changing what boots: the new firmware may boot next */
    char uuid[40];    /* of the firmware; "" if it did not say */
    char version[64]; /* the same; as many bytes as version_floor.h keeps */
};

/* The updater's side: the descriptor, or -1 when nobody wants to know. */
int updater_result_fd(void);

/* Before what decides what boots is written: true. When that was undone: false. */
void updater_result_tell_switching(bool begins);

/* At the very end. */
void updater_result_tell(int status, const char *uuid, const char *version);

/* The other side: all that has come on a descriptor that does not block. Lines that are none are
 * passed over. */
void updater_result_read(int fd, struct updater_result *result);

#endif
