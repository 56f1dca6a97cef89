/* SPDX-License-Identifier: Apache-2.0 */
/* `fwssh status`, `log`, `confirm`, `revert`, `reboot`, `activate`: one request to each device. */
#ifndef FWSSH_HOST_COMMAND_ASK_H
#define FWSSH_HOST_COMMAND_ASK_H

#include "host/command/host_options.h"
#include "wire/request.h"

/* Returns the exit status: that of a single device, or EXIT_SOME_FAILED. */
int ask_run(const struct host_options *o, enum request_verb verb);

#endif
