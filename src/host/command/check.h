/* `fwssh check`: why a push would work or not, step by step; the origin's troubleshooting as a
 * command. */
#ifndef FWSSH_HOST_COMMAND_CHECK_H
#define FWSSH_HOST_COMMAND_CHECK_H

#include "host/command/push_options.h"

/* Prints a line for each step: OK or FAIL and what to do. The exit status is that of the first
 * failed step. */
int check_run(const struct push_options *o);

#endif
