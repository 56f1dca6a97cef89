/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The user's defaults: $XDG_CONFIG_HOME/fwssh/config, or ~/.config/fwssh/config. It has sections
 * for hosts, named by patterns, and in them values for some options, under their names:
 *
 *   host "board-*, !board-9" { port = 22 subsystem = fwup }
 *
 * As in ssh_config(5), of several sections that fit the first one with a value counts.
 */
#ifndef FWSSH_HOST_COMMAND_HOST_CONFIG_H
#define FWSSH_HOST_COMMAND_HOST_CONFIG_H

#include "host/command/host_options.h"

/* Reads the file, if there is one, into o->config. Returns 0, or -1 with the error set; its text is
 * empty if the mistake and its line have been printed. */
int host_config_load(struct host_options *o, struct error *err);
void host_config_free(struct host_options *o);

/*
 * The options for one host: a copy of o with what the file says and the command line does not.
 * Returns 0, or -1 with the error set if that does not go together; host_config_drop() in any case,
 * before o is freed.
 */
int host_config_apply(struct host_options *own, const struct host_options *o, const char *host,
                      struct error *err);
void host_config_drop(struct host_options *own);

#endif
