/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The files in state-dir. What is written there survives a loss of power once the function that
 * writes it has returned 0. The directory is created, for root only, when it is first needed.
 */
#ifndef FWSSH_DEVICE_CONFIG_STATE_DIR_H
#define FWSSH_DEVICE_CONFIG_STATE_DIR_H

#include "device/config/device_config.h"

#include <sys/types.h>

/* The path of a file in it; the caller frees it. */
char *state_dir_path(const struct device_config *config, const char *name);

/* Creates the directory unless it exists; not its parent, which may be a file system that is not
 * mounted yet. Returns 0, or -1 with the error set. */
int state_dir_make(const struct device_config *config, struct error *err);

/* Replaces or creates a file. Returns 0, or -1 with the error set. */
int state_dir_write(const struct device_config *config, const char *name, const char *text,
                    size_t len, struct error *err);

/* Returns 0, also if there is no such file, or -1 with the error set. */
int state_dir_remove(const struct device_config *config, const char *name, struct error *err);

/* Whether a file is there: 1, 0, or -1 with the error set if that cannot be found out. */
int state_dir_has(const struct device_config *config, const char *name, struct error *err);

/* Writes and removes a file that is as long as any of ours. Returns 0, or -1 with the error set if
 * the directory cannot hold it. Creates nothing: a directory that does not exist yet counts if its
 * parent can be written to. */
int state_dir_try(const struct device_config *config, struct error *err);

/* Takes back a file that belongs to somebody else or that others may change (secret:
 * or read), and logs it; what cannot be repaired is only logged. */
void state_dir_repair(const struct device_config *config, const char *name, bool secret);

/* At the start: the same for all files that hold no secret, except allow-older, which only counts
 * as it is. */
void state_dir_repair_all(const struct device_config *config);

#endif
