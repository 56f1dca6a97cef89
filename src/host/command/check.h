/* SPDX-License-Identifier: Apache-2.0 */
/* `fwssh check`: whether a push would work, step by step. */
#ifndef FWSSH_HOST_COMMAND_CHECK_H
#define FWSSH_HOST_COMMAND_CHECK_H

#include "host/command/host_options.h"

/* Prints a line for each step: OK, or FAIL and what to do. Returns the exit status: that of the
 * first failed step, or EXIT_SOME_FAILED for several devices. */
int check_run(const struct host_options *o);

#endif
