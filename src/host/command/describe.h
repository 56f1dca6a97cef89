/* SPDX-License-Identifier: Apache-2.0 */
/* `fwssh describe`: what a firmware says of itself. Contacts no device. */
#ifndef FWSSH_HOST_COMMAND_DESCRIBE_H
#define FWSSH_HOST_COMMAND_DESCRIBE_H

#include "host/command/host_options.h"

/* Returns the exit status. */
int describe_run(const struct host_options *o);

#endif
