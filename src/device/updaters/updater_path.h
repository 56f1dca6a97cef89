/* Finds the updater and other programs. */
#ifndef FWSSH_DEVICE_UPDATERS_UPDATER_PATH_H
#define FWSSH_DEVICE_UPDATERS_UPDATER_PATH_H

#include "device/config/device_config.h"

/* Returns the path of the program that the key updater selects, without running it, or NULL if
 * there is none. The caller frees it. */
char *updater_path_find(const struct device_config *config);

/* The same for a name, which is searched for in PATH, or a path. */
char *updater_path_search(const char *name);

#endif
