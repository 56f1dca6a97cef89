/* What is said of an option that a program does not know: one line, with the nearest known word. */
#ifndef FWSSH_BASE_OPTION_ERROR_H
#define FWSSH_BASE_OPTION_ERROR_H

#include "base/error.h"

#include <getopt.h>

/*
 * After getopt_long(3), called with opterr 0 and a ':' before its letters, has returned c, '?' or
 * ':'. names: its long options. help: where all are listed, such as "fwssh --help". Always returns
 * -1, with EXIT_USAGE.
 */
int option_error(struct error *err, int c, char *const *argv, const struct option *names,
                 const char *help);

#endif
