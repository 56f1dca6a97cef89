/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A device as the user names it: anything that ssh accepts, optionally with a port:
 *
 *   host = [user "@"] name [":" port] / [user "@"] "[" address "]" [":" port] / "ssh://" ...
 */
#ifndef FWSSH_HOST_REMOTE_HOST_NAME_H
#define FWSSH_HOST_REMOTE_HOST_NAME_H

#include "base/error.h"

/* Splits it into the name for ssh, which the caller frees, and the port (0: none is given; an
 * ssh:// form keeps its own). Returns 0, or -1 with the error set (EXIT_USAGE). */
int host_name_split(const char *text, char **name, int *port, struct error *err);

#endif
