/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An update that was begun and has not ended well: until one does, the slot that does not run may
 * hold anything. The note of it, state-dir/unfinished-update, says which slot ran, as facts; it is
 * on the disk before the updater starts, and a revert into the other slot is refused while it
 * stands. It means nothing any more once another slot runs.
 */
#ifndef FWSSH_DEVICE_RECEIVE_UNFINISHED_H
#define FWSSH_DEVICE_RECEIVE_UNFINISHED_H

#include "device/config/device_config.h"
#include "wire/facts.h"

#define UNFINISHED_NAME "unfinished-update"

/* Before a firmware is written. active: the running slot ("": unknown). *stood: a note stood
 * already, of this slot. Returns 0, or -1 with the error set: there will be no note. */
int unfinished_begin(const struct device_config *config, const char *active, bool *stood,
                     struct error *err);

/* When the slot is known to be whole. Returns 0, or -1 with the error set. */
int unfinished_end(const struct device_config *config, struct error *err);

/* For a status: adds the fact "unfinished", the slot that may be incomplete, or "yes" if its name
 * is unknown. */
void unfinished_add(const struct device_config *config, struct facts *facts);

/* Whether the device may boot the slot that does not run: 0, or -1 with the error set
 * (EXIT_REFUSED). facts: what the driver has read. knows: the driver knows by itself whether that
 * slot is whole, so that a state-dir that cannot hold a note is no reason. */
int unfinished_check(const struct device_config *config, const struct facts *facts, bool knows,
                     struct error *err);

#endif
