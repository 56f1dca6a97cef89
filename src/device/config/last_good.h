/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The last configuration file that fwsshd could start with, kept in state-dir. When the file cannot
 * be used (damaged, or of a newer version), fwsshd starts with this one instead of not at all.
 */
#ifndef FWSSH_DEVICE_CONFIG_LAST_GOOD_H
#define FWSSH_DEVICE_CONFIG_LAST_GOOD_H

#include "device/config/device_config.h"

/* In the order in which they are tried. A later version may have kept what this one cannot read:
 * each keeps a copy of its own, too. FWSSH_RELEASE: without the commit, of which there are many. */
#define LAST_GOOD_FILES 2
#define LAST_GOOD_NAME "last-good.conf"
#define LAST_GOOD_OWN_NAME "last-good-" FWSSH_RELEASE ".conf"

/*
 * Finds one of the two. Where state-dir is, is asked of overrides, then of the unusable file at
 * path (as far as that can be read), then of the default. Only a file that nobody else can have
 * written counts. Returns its path, which the caller frees, or NULL.
 */
char *last_good_find(const char *path, const struct text_list *overrides, int which);

/* An empty file is what a loss of power leaves of one. Returns -1 with the error set if the file at
 * path is empty and there is a last good one; else 0. */
int last_good_check(const char *path, const struct text_list *overrides, struct error *err);

/* Keeps the file at path, which has just been loaded as config. A failure is only logged. path:
 * NULL means DEVICE_CONFIG_PATH. */
void last_good_keep(const struct device_config *config, const char *path);

/* For programs without the listener: device_config_load(), or the last good one in its place, which
 * is logged. Returns 0, 1 if it is the last good one, or -1 with the error set. */
int last_good_load(struct device_config *config, const char *path,
                   const struct text_list *overrides, struct error *err);

#endif
