/* SPDX-License-Identifier: Apache-2.0 */
/* The error for an option that a program does not know: one line, with the nearest known option. */
#ifndef FWSSH_BASE_OPTION_ERROR_H
#define FWSSH_BASE_OPTION_ERROR_H

#include "base/error.h"

#include <getopt.h>

/*
 * Sets the error (EXIT_USAGE) when getopt_long(3), called with opterr 0 and a leading ':' in its
 * letters, has returned c, '?' or ':'. names: its long options. help: the command that lists them,
 * such as "fwssh --help". Always returns -1.
 */
int option_error(struct error *err, int c, char *const *argv, const struct option *names,
                 const char *help);

#endif
