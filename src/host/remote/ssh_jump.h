/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The way through jump hosts (ProxyJump). The ssh that goes there writes to the same standard error
 * as the one that goes on to the device, and LogLevel of the user's configuration decides how much:
 * its debugging would pass for the device's, and without its errors nobody knows what went wrong.
 */
#ifndef FWSSH_HOST_REMOTE_SSH_JUMP_H
#define FWSSH_HOST_REMOTE_SSH_JUMP_H

#include <stdbool.h>

/* A ProxyCommand for the same way, with the messages that we need. ssh: the program, as shell text;
 * hops: the value of ProxyJump. NULL if they are not understood; the caller frees it. */
char *ssh_jump_command(const char *ssh, const char *hops);

/* Calls visit for the name of each hop, with its user, until it returns true: then so does this. */
bool ssh_jump_any(const char *hops, bool (*visit)(const char *name, void *data), void *data);

#endif
