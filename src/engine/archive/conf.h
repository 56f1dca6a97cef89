/*
 * The configuration language of .fw archives, in its two modes: fwup.conf as a person writes it,
 * and the canonical meta.conf inside an archive (docs/fw-format.md, "Grammar" and "Schema"). The
 * language is libconfuse's, so its cfg_t is the parsed form.
 */
#ifndef FWSSH_ENGINE_ARCHIVE_CONF_H
#define FWSSH_ENGINE_ARCHIVE_CONF_H

#include "base/buffer.h"
#include "base/error.h"

#include <confuse.h>
#include <stdbool.h>

#define CONF_META_MIN 10
#define CONF_META_MAX 49999

/* The version of the reference whose language and command line this program speaks. */
#define CONF_FWUP_VERSION "1.16.0"

/*
 * A fwup.conf to be made into an archive: unknown names are errors, functions run (define sets
 * environment variables), arguments are checked. "-" is standard input. Where it is wrong is told
 * on standard error as FILE:LINE: message. NULL on failure; the caller frees the result with
 * cfg_free(3).
 */
cfg_t *conf_parse_file(const char *path, struct error *err);

/*
 * A meta.conf: what is unknown is skipped, as newer writers may know more; define, include and
 * function calls, which no writer leaves there, are refused. ${NAME} comes from this process's
 * environment.
 */
cfg_t *conf_parse_meta(const char *text, struct error *err);

/* Canonical text: the UUID is a hash of it, so it must be byte-exact ("Canonical meta.conf"). */
void conf_print(cfg_t *cfg, struct buffer *out);

/* One option in the same style: name=value and a newline. */
void conf_print_option(const char *name, const char *value, struct buffer *out);

/* require-fwup-version against CONF_FWUP_VERSION, in the order of semantic versions. */
int conf_check_version(const char *required, struct error *err);

/* -1, 0, 1 as of strcmp; *ok is false when one of them is no version. */
int conf_compare_versions(const char *a, const char *b, bool *ok);

#endif
