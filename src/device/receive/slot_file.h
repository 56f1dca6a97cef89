/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which file is in which slot, for firmware that has no UUID: its SHA-256, as the client has told
 * it, in state-dir/slot-files. Only what was written here counts. It is forgotten before its slot
 * can be overwritten.
 */
#ifndef FWSSH_DEVICE_RECEIVE_SLOT_FILE_H
#define FWSSH_DEVICE_RECEIVE_SLOT_FILE_H

#include "device/config/device_config.h"
#include "wire/facts.h"

#define SLOT_FILES_NAME "slot-files"

/* Before a firmware is written: forgets all slots but the running one ("": unknown). Returns 0; 1
 * with the error set if that one is forgotten, too, for want of room; or -1 with the error set. */
int slot_file_forget(const struct device_config *config, const char *active, struct error *err);

/* After it was written: notes it for the slot that boots next, if that is known. Returns 0, or -1
 * with the error set. */
int slot_file_keep(const struct device_config *config, const char *sha256, struct error *err);

/* Adds slot.X.sha256, and sha256 for the running slot, to the facts of a status. */
void slot_file_add(const struct device_config *config, struct facts *facts);

#endif
