/* What an updater has no need of is taken from it: more rights than it was started with, and the
 * network. */
#ifndef FWSSH_DEVICE_RECEIVE_UPDATER_JAIL_H
#define FWSSH_DEVICE_RECEIVE_UPDATER_JAIL_H

#include "device/config/device_config.h"

#include <stdbool.h>

/*
 * For spawn.in_child, with the struct device_config: no new privileges, and, unless updater-network
 * is set, a network namespace of its own, which has nothing in it. What the kernel refuses is not
 * an error: it takes root, and a kernel with namespaces. Always true.
 */
bool updater_jail_enter(void *config);

/* Whether the kernel would take the network away from an updater of this process; it is tried. */
bool updater_jail_takes_network(void);

#endif
