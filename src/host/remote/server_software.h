/* SPDX-License-Identifier: Apache-2.0 */
/* What an SSH server calls itself, read without logging in. */
#ifndef FWSSH_HOST_REMOTE_SERVER_SOFTWARE_H
#define FWSSH_HOST_REMOTE_SERVER_SOFTWARE_H

#include "host/remote/ssh_command.h"
#include "wire/software.h"

/* Asks ssh, which goes where a push would go, and is stopped once the server has named itself.
 * False if that has not happened within 20 seconds. */
bool server_software_read(const struct reach *reach, const struct ssh_target *target,
                          char software[SOFTWARE_MAX + 1]);

#endif
