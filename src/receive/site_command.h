/* Commands that a site configures: words with blanks between them; no shell is needed on the
 * device. */
#ifndef FWSSH_RECEIVE_SITE_COMMAND_H
#define FWSSH_RECEIVE_SITE_COMMAND_H

#include "base/error.h"

#include <sys/types.h>

#define SITE_COMMAND_WORDS_MAX 32

/* Cuts the text at its blanks; argv is NULL-terminated. Returns the number of words. */
size_t site_command_split(char *text, char *argv[SITE_COMMAND_WORDS_MAX + 1]);

/*
 * Starts it in a process group of its own, with nothing on its input. output: where standard output
 * goes, -1 for nowhere; errors: the same. env: NAME=value strings, NULL-terminated, or NULL. No
 * other descriptor is inherited. The caller reaps it.
 */
pid_t site_command_start(const char *command, int output, int errors, char *const *env,
                         struct error *err);

#endif
