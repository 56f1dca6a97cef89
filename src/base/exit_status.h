/* SPDX-License-Identifier: Apache-2.0 */
/* The exit statuses of fwssh, and of fwpack with a command word (fwpack.1); a device sends only 0
 * to 4 over the wire. */
#ifndef FWSSH_BASE_EXIT_STATUS_H
#define FWSSH_BASE_EXIT_STATUS_H

enum exit_status {
    EXIT_DONE = 0,
    EXIT_FAILED = 1,
    EXIT_USAGE = 2,
    EXIT_REFUSED = 3,     /* by the device: busy, hook */
    EXIT_MISMATCH = 4,    /* firmware does not fit the device or is damaged */
    EXIT_ACCESS = 5,      /* authentication or host key */
    EXIT_UNREACHABLE = 6, /* or lost before the last byte was sent */
    EXIT_INTERRUPTED = 7,
    EXIT_REVERTED = 8,     /* came back with the old firmware */
    EXIT_UNCONFIRMED = 9,  /* or lost after the last byte */
    EXIT_SOME_FAILED = 10, /* of several devices */
};

#define EXIT_WIRE_MAX EXIT_MISMATCH

/* A short description of a status, for help and manual; NULL if there is no such status. */
const char *exit_status_text(int status);

#endif
