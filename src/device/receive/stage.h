/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Staged updates: the slot is written, and a record in state-dir/staged allows to activate it
 * later. Only some updaters support this; they check signature, requirements and the slot's
 * contents again on activation.
 */
#ifndef FWSSH_DEVICE_RECEIVE_STAGE_H
#define FWSSH_DEVICE_RECEIVE_STAGE_H

#include "device/receive/result.h"
#include "device/updaters/updater_driver.h"

/* Path of the record of a staged update; the caller frees it. */
char *stage_path(const struct device_config *config);

/*
 * Before an update: discards an earlier staged one. After 0 it does not come back with a loss of
 * power, so the slot may be overwritten. wanted: this one is to be staged. Returns 0, or -1 with
 * the error set: EXIT_REFUSED if the updater cannot stage.
 */
int stage_prepare(const struct updater *u, const struct device_config *config, bool wanted,
                  struct error *err);

/* Makes the staged update boot next. That its record cannot be removed afterwards is noted in the
 * result. Returns 0, or -1 with the error set: EXIT_REFUSED if there is none. If it failed when it
 * may have switched, the result asks for the reboot, after which what runs is what boots next. */
int stage_activate(const struct device_config *config, const struct updater_job *job,
                   struct result *result, struct error *err);

/* Whether an update is staged. */
bool stage_is_there(const struct device_config *config);

#endif
