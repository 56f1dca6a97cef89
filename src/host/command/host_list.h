/* SPDX-License-Identifier: Apache-2.0 */
/* The hosts of a command: from its command line, and from files with one per line. */
#ifndef FWSSH_HOST_COMMAND_HOST_LIST_H
#define FWSSH_HOST_COMMAND_HOST_LIST_H

#include "base/buffer.h"
#include "host/command/host_options.h"

/* Adds a host; the name is not copied. Returns 0, or -1 with the error set (EXIT_USAGE) if it is
 * not a valid one. */
int host_list_add(struct fleet_options *f, const char *host, struct error *err);

/* Adds the hosts in a file ("-": standard input), one per line; # starts a comment, and any end of
 * line will do. Returns 0, or -1 with the error set. */
int host_list_read(struct fleet_options *f, const char *path, struct error *err);

/* The same for the text of such a file, of hosts that were found; the list takes it, once. */
int host_list_take(struct fleet_options *f, struct buffer *text, struct error *err);

/* Keeps the first of hosts with the same name and port, and says so on standard error unless quiet.
 */
void host_list_unite(struct host_options *o);

#endif
