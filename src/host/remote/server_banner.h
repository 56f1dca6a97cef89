/* The identification line of an SSH server, read without logging in. */
#ifndef FWSSH_HOST_REMOTE_SERVER_BANNER_H
#define FWSSH_HOST_REMOTE_SERVER_BANNER_H

#include "host/remote/ssh_command.h"
#include "wire/software.h"

/* Connects, reads the line, and leaves. False if that cannot be done: the way leads through another
 * program or host, or nobody answers within a few seconds. */
bool server_banner_read(const struct ssh_target *target, char banner[SOFTWARE_BANNER_MAX + 1]);

#endif
