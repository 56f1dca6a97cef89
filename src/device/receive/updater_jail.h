/* SPDX-License-Identifier: Apache-2.0 */
/* Takes away what an updater does not need: gaining privileges, and the network. */
#ifndef FWSSH_DEVICE_RECEIVE_UPDATER_JAIL_H
#define FWSSH_DEVICE_RECEIVE_UPDATER_JAIL_H

#include <stdbool.h>

/*
 * For spawn.in_child, with a bool, whether to keep the network: sets NO_NEW_PRIVS and, if not,
 * enters a new, empty network namespace. That takes root and a kernel with namespaces; it
 * is not an error if the kernel refuses. Always returns true.
 */
bool updater_jail_enter(void *network);

/* Whether this process can create a network namespace for an updater, found out by trying. */
bool updater_jail_takes_network(void);

#endif
