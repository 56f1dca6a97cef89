/*
 * One error, told in one line that a person can act on. Functions that can fail return 0 or -1 and
 * take a struct error last; the lowest layer that knows the user's words sets it.
 */
#ifndef FWSSH_BASE_ERROR_H
#define FWSSH_BASE_ERROR_H

#include "base/exit_status.h"

struct error {
    enum exit_status status;
    char text[512];
};

/* Sets the error (replacing an earlier one); always returns -1, so that a caller can return it. */
int error_set(struct error *err, enum exit_status status, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* As error_set with EXIT_FAILED, with ": " and the text of the present errno behind it. */
int error_errno(struct error *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Puts a text (and ": ") before the error's own; keeps its status. Always returns -1. */
int error_prefix(struct error *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Puts "; " and a text behind it. Always returns -1. */
int error_suffix(struct error *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
