/*
 * Now or later: an update that has written its slot, and waits in state-dir/staged for the word to
 * boot it. It needs fwpack, which checks signature and requirements again then.
 */
#ifndef FWSSH_DEVICE_RECEIVE_STAGE_H
#define FWSSH_DEVICE_RECEIVE_STAGE_H

#include "device/receive/updater.h"

/* Before an update, which makes an earlier staged one void. wanted: this one is to be staged. */
int stage_prepare(struct updater *u, const struct device_config *config, bool wanted,
                  struct error *err);

/* Has the staged update boot next. EXIT_REFUSED when there is none. */
int stage_activate(const struct device_config *config, const char *device, struct error *err);

/* Whether one is staged. */
bool stage_is_there(const struct device_config *config);

#endif
