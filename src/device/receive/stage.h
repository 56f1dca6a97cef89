/*
 * Now or later: an update that has written its slot and waits, in state-dir/staged, to be
 * activated. Only some updaters can do that; they check signature and requirements again then.
 */
#ifndef FWSSH_DEVICE_RECEIVE_STAGE_H
#define FWSSH_DEVICE_RECEIVE_STAGE_H

#include "device/updaters/updater_driver.h"

/* Where the record of a staged update is kept; the caller frees it. */
char *stage_path(const struct device_config *config);

/* Before an update: an earlier staged one is void from now on. wanted: this one is to be staged.
 * EXIT_REFUSED if the updater cannot do that. */
int stage_prepare(const struct updater *u, const struct device_config *config, bool wanted,
                  struct error *err);

/* Makes the staged update boot next. EXIT_REFUSED when there is none. */
int stage_activate(const struct device_config *config, const char *device, struct error *err);

/* Whether one is staged. */
bool stage_is_there(const struct device_config *config);

#endif
