/* Commands of a task, run by /bin/sh. */
#ifndef FWSSH_ENGINE_APPLY_OP_SHELL_H
#define FWSSH_ENGINE_APPLY_OP_SHELL_H

#include "base/error.h"

#include <stdbool.h>
#include <sys/types.h>

/*
 * Starts a command with that standard input (-1: nothing, so that it cannot take the archive's).
 * Its output must not get between frames: with framing it goes to standard error. The pid, or -1.
 */
pid_t op_shell_start(const char *command, int input, bool framing, struct error *err);

/* Waits for it: 0 if it succeeded. */
int op_shell_wait(const char *command, pid_t pid, struct error *err);

/* Both. */
int op_shell_run(const char *command, bool framing, struct error *err);

#endif
