/* SPDX-License-Identifier: Apache-2.0 */
/* What runs while a fwup.conf is parsed to create an archive: functions, and checks of sections. */
#ifndef FWSSH_ENGINE_ARCHIVE_CONF_CREATE_H
#define FWSSH_ENGINE_ARCHIVE_CONF_CREATE_H

#include "base/error.h"

#include <confuse.h>

/* libconfuse function callbacks: 0, or -1 after printing FILE:LINE: message. */
int conf_create_define(cfg_t *cfg, cfg_opt_t *opt, int argc, const char **argv);
int conf_create_include(cfg_t *cfg, cfg_opt_t *opt, int argc, const char **argv);

/* A function or requirement inside a task: checked and appended to funlist or reqlist. */
int conf_create_call(cfg_t *cfg, cfg_opt_t *opt, int argc, const char **argv);

/* Installs the checks that run when a section closes. */
void conf_create_watch(cfg_t *cfg);

/* Checks what needs the whole file: the names that functions refer to. */
int conf_create_check(cfg_t *cfg, struct error *err);

#endif
