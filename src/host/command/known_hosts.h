/* SPDX-License-Identifier: Apache-2.0 */
/* `fwssh known-hosts`: a known_hosts file made from the factory's records. Contacts no device. */
#ifndef FWSSH_HOST_COMMAND_KNOWN_HOSTS_H
#define FWSSH_HOST_COMMAND_KNOWN_HOSTS_H

#include "host/command/host_options.h"

/* Reads lines "NAME[,NAME...] TYPE KEY [COMMENT]" from o->from and writes all to o->output_file, or
 * nothing if one of them has a mistake. Returns the exit status. */
int known_hosts_run(const struct host_options *o);

#endif
