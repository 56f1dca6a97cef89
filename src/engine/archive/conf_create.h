/* What happens while a fwup.conf is parsed to make an archive: functions run, sections are checked.
 */
#ifndef FWSSH_ENGINE_ARCHIVE_CONF_CREATE_H
#define FWSSH_ENGINE_ARCHIVE_CONF_CREATE_H

#include "base/error.h"

#include <confuse.h>

/* libconfuse function callbacks: 0, or -1 with the message printed as FILE:LINE: ... */
int conf_create_define(cfg_t *cfg, cfg_opt_t *opt, int argc, const char **argv);
int conf_create_include(cfg_t *cfg, cfg_opt_t *opt, int argc, const char **argv);

/* A function or requirement inside a task: checked and appended to funlist or reqlist. */
int conf_create_call(cfg_t *cfg, cfg_opt_t *opt, int argc, const char **argv);

/* Has sections checked as they close. */
void conf_create_watch(cfg_t *cfg);

/* What can only be checked when all is read: names that functions refer to. */
int conf_create_check(cfg_t *cfg, struct error *err);

#endif
