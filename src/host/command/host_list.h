/* The hosts of a command: from its command line, and from files with one per line. */
#ifndef FWSSH_HOST_COMMAND_HOST_LIST_H
#define FWSSH_HOST_COMMAND_HOST_LIST_H

#include "host/command/host_options.h"

/* Adds a host; the name stays the caller's. EXIT_USAGE if it cannot be one. */
int host_list_add(struct fleet_options *f, const char *host, struct error *err);

/* Adds those of a file ("-": standard input); # starts a comment. */
int host_list_read(struct fleet_options *f, const char *path, struct error *err);

#endif
