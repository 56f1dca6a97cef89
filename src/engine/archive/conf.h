/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The configuration language of .fw archives, in its two modes: fwup.conf as people write it, and
 * the canonical meta.conf inside an archive (docs/fw-format.md, "Grammar" and "Schema"). libconfuse
 * parses it, so the parsed form is a cfg_t.
 */
#ifndef FWSSH_ENGINE_ARCHIVE_CONF_H
#define FWSSH_ENGINE_ARCHIVE_CONF_H

#include "base/buffer.h"
#include "base/error.h"

#include <confuse.h>
#include <stdbool.h>

#define CONF_META_MIN 10
#define CONF_META_MAX 49999

/* The version of fwup whose configuration language and command line this program implements. */
#define CONF_FWUP_VERSION "1.16.0"
/* The latest version that an archive may require: it needs nothing that is not here. */
#define CONF_FWUP_VERSION_MAX "1.17.0"

/*
 * Parses a fwup.conf to create an archive: unknown names are errors, functions run (define sets
 * environment variables), arguments are checked. "-" is standard input. Mistakes are reported on
 * standard error as FILE:LINE: message. NULL with the error set on failure; the caller frees the
 * result with cfg_free().
 */
cfg_t *conf_parse_file(const char *path, struct error *err);

/*
 * Parses a meta.conf: unknown names are skipped, because newer writers may know more; define,
 * include and function calls, which no writer leaves in, are refused. ${NAME} is expanded from this
 * process's environment. NULL with EXIT_MISMATCH on failure; the caller frees the result with
 * cfg_free().
 */
cfg_t *conf_parse_meta(const char *text, struct error *err);

/* Appends the canonical text (docs/fw-format.md, "Canonical meta.conf"). The UUID is a hash of it,
 * so it must be byte-exact. */
void conf_print(cfg_t *cfg, struct buffer *out);

/* Appends one option in the same style: name=value and a newline. */
void conf_print_option(const char *name, const char *value, struct buffer *out);

/* Checks require-fwup-version against CONF_FWUP_VERSION_MAX, as semantic versions. 0, or -1 with
 * EXIT_MISMATCH. */
int conf_check_version(const char *required, struct error *err);

/* The rule of fwup for require-fwup-version, and for nothing else (base/version.h compares
 * firmware): -1, 0 or 1, like strcmp(3), as semantic versions of three parts; *ok is false if
 * either is not a version. */
int conf_compare_versions(const char *a, const char *b, bool *ok);

#endif
