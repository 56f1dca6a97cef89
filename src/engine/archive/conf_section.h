/* SPDX-License-Identifier: Apache-2.0 */
/* Looks up sections of a parsed configuration. */
#ifndef FWSSH_ENGINE_ARCHIVE_CONF_SECTION_H
#define FWSSH_ENGINE_ARCHIVE_CONF_SECTION_H

#include <confuse.h>

/* The section with this kind and title, or NULL. */
cfg_t *conf_section(cfg_t *cfg, const char *kind, const char *title);

#endif
