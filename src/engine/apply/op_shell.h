/* SPDX-License-Identifier: Apache-2.0 */
/* Runs commands of a task with /bin/sh. */
#ifndef FWSSH_ENGINE_APPLY_OP_SHELL_H
#define FWSSH_ENGINE_APPLY_OP_SHELL_H

#include "base/error.h"

#include <stdbool.h>
#include <sys/types.h>

/*
 * Starts a command with input as its standard input (-1: /dev/null, so that it cannot read the
 * archive). With framing, its output goes to standard error, because it must not get between
 * packets. The pid, or -1 with the error set.
 */
pid_t op_shell_start(const char *command, int input, bool framing, struct error *err);

/* Waits for the command: 0 if it succeeded, else -1 with the error set. */
int op_shell_wait(const char *command, pid_t pid, struct error *err);

/* Starts a command without input and waits for it. */
int op_shell_run(const char *command, bool framing, struct error *err);

#endif
