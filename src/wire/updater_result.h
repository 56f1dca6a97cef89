/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an updater reports to the program that started it, besides its exit status: lines on the
 * descriptor named by the environment variable FWSSH_RESULT_FD (PROTOCOL.md, "The updater").
 *
 *   line = "switching" / "switched back" / "complete" / "untouched" / "because " text /
 *          status " " uuid " " version
 */
#ifndef FWSSH_WIRE_UPDATER_RESULT_H
#define FWSSH_WIRE_UPDATER_RESULT_H

#include "base/error.h"
#include "base/version.h"

#include <stdbool.h>
#include <stddef.h>

#define UPDATER_RESULT_VARIABLE "FWSSH_RESULT_FD"
#define UPDATER_RESULT_LINE 512

struct updater_result {
    enum exit_status
        status;     /* EXIT_REFUSED, EXIT_MISMATCH or EXIT_FAILED; success is not taken from here */
    bool switching; /* it was switching slots: the new firmware may boot next */
    bool complete;  /* it has seen the end of the archive, and waits for that of its input */
    bool untouched; /* it fails, and has written nothing to the device */
    char uuid[40];  /* of the firmware; "" if not reported */
    char version[VERSION_SIZE]; /* the same */
    char because[256];          /* of a failure, for log and audit; "" if not reported */
    /* private: a line that is not complete yet */
    char line[UPDATER_RESULT_LINE];
    size_t line_len;
};

/*
 * For the updater, before it opens anything: a program in between may have closed the descriptor,
 * as sudo does. What is opened later could get its number, and the lines: the device itself.
 */
void updater_result_look(void);

/* For the updater: the descriptor, or -1 if there is none. */
int updater_result_fd(void);

/* For the updater: true before it writes what decides which slot boots, false when that has been
 * undone. */
void updater_result_tell_switching(bool begins);

/* For the updater: why it fails. */
void updater_result_tell_because(const char *text);

/* For the updater: it fails, and has written nothing. */
void updater_result_tell_untouched(void);

/* For the updater: the end of the archive has been seen; the end of its input is the answer. */
void updater_result_tell_complete(void);

/* For the updater: the last line. */
void updater_result_tell(int status, const char *uuid, const char *version);

/* For the program that started it: no line has come yet. */
void updater_result_init(struct updater_result *result);

/*
 * For the program that started it: reads what has arrived on a non-blocking descriptor. Unknown
 * lines are skipped, and lines that are too long. Returns 1 if something came, 0 if nothing is
 * there now, -1 at the end.
 */
int updater_result_read(int fd, struct updater_result *result);

#endif
