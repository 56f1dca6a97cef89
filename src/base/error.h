/* SPDX-License-Identifier: Apache-2.0 */
/* An error, as one line that a user can act on. Functions that can fail return 0 or -1 and take a
 * struct error last; the lowest layer that can put it in the user's terms sets it. */
#ifndef FWSSH_BASE_ERROR_H
#define FWSSH_BASE_ERROR_H

#include "base/exit_status.h"

struct error {
    enum exit_status status;
    char text[512]; /* cleaned (clean.h), whatever the names in it were */
};

/* Sets the error, replacing an earlier one. Always returns -1, so that a caller can return it. */
int error_set(struct error *err, enum exit_status status, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Like error_set() with EXIT_FAILED; appends ": " and the message of the current errno. */
int error_errno(struct error *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Prepends a text and ": " to the message; keeps the status. Always returns -1. */
int error_prefix(struct error *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Appends "; " and a text to the message; keeps the status. Always returns -1. */
int error_suffix(struct error *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
