/* Commands that a site configures: words with blanks between them; no shell is needed on the
 * device. */
#ifndef FWSSH_BASE_SITE_COMMAND_H
#define FWSSH_BASE_SITE_COMMAND_H

#include "base/error.h"

#include <stdbool.h>
#include <sys/types.h>

#define SITE_COMMAND_WORDS_MAX 32

/* Cuts the text at its blanks; argv is NULL-terminated. Returns the number of words. */
size_t site_command_split(char *text, char *argv[SITE_COMMAND_WORDS_MAX + 1]);

/*
 * Starts it in a process group of its own, with nothing on its input. output: where standard output
 * goes, -1 for nowhere; errors: the same. env: NAME=value strings, NULL-terminated, or NULL. No
 * other descriptor is inherited. die_with_parent: it is killed when this process goes away. The
 * caller reaps it.
 */
pid_t site_command_start(const char *command, int output, int errors, char *const *env,
                         bool die_with_parent, struct error *err);

#define SITE_COMMAND_TEXT_MAX 16384

/* What came of a command that has been run to its end. */
struct site_command_result {
    int status;                           /* of waitpid(2) */
    bool timed_out;                       /* it was killed for taking too long */
    char text[SITE_COMMAND_TEXT_MAX + 1]; /* the beginning of what it printed, on both outputs */
};

/*
 * Runs it for so many seconds at most. Its process group goes with it: nothing of it is left
 * behind. 0, or -1 with the error set when it could not be started.
 */
int site_command_run(const char *command, char *const *env, int seconds,
                     struct site_command_result *r, struct error *err);

#endif
