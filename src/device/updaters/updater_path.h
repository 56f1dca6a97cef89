/* SPDX-License-Identifier: Apache-2.0 */
/* Finds the updater and other programs. */
#ifndef FWSSH_DEVICE_UPDATERS_UPDATER_PATH_H
#define FWSSH_DEVICE_UPDATERS_UPDATER_PATH_H

#include "base/error.h"
#include "device/config/device_config.h"

#include <stdbool.h>

#define UPDATER_ADAPTER_PREFIX "fwssh-updater-"

/* Returns the path of the program that the key updater selects, without running it, or NULL if
 * there is none. The caller frees it. A name means the adapter of that name in LIBEXECDIR, if there
 * is one. */
char *updater_path_find(const struct device_config *config);

/* Whether a name means one of the adapters that come with fwsshd, and never a program of that name
 * in PATH: rauc(1) is no updater by itself. */
bool updater_path_names_adapter(const char *name);

/* The same for a name, which is searched for in PATH, or a path. */
char *updater_path_search(const char *name);

/* The last component of a path. */
const char *updater_path_name(const char *program);

/* Whether a program is an adapter, by its name; and whether the one that the key updater selects
 * is. */
bool updater_path_is_adapter(const char *program);
bool updater_path_selects_adapter(const struct device_config *config);

/* Whose signatures are checked, as the fact signatures: "on", "off", or "updater": an adapter's
 * updater has keys of its own, of which nothing is known here. */
const char *updater_path_signatures(const struct device_config *config);

/*
 * With strict-modes: whether nobody but root or the current user can change a program, found as
 * above. Returns 0, also if there is no such program, which running it will say; -1 with the error
 * set. key: the one that names it.
 */
int updater_path_check(const struct device_config *config, const char *name, const char *key,
                       struct error *err);

#endif
