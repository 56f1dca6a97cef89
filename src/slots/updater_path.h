/* Where the updater is. */
#ifndef FWSSH_SLOTS_UPDATER_PATH_H
#define FWSSH_SLOTS_UPDATER_PATH_H

#include "config/device_config.h"

/* The path of the program that the key updater means, not asked anything; NULL if there is none.
 * The caller frees it. */
char *updater_path_find(const struct device_config *config);

#endif
