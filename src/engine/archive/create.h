/* SPDX-License-Identifier: Apache-2.0 */
/* Creates archives from a fwup.conf, and signed copies of them. */
#ifndef FWSSH_ENGINE_ARCHIVE_CREATE_H
#define FWSSH_ENGINE_ARCHIVE_CREATE_H

#include "base/error.h"
#include "engine/archive/signer.h"

#include <confuse.h>

/* Looks at a configuration whose resources have been measured. Returns 0, or -1 with the error set
 * to refuse it. */
typedef int (*create_check)(cfg_t *cfg, struct error *err);

/*
 * conf: path of the fwup.conf, "-" for standard input. output: a path, written atomically; NULL or
 * "-" for standard output. signer: NULL or unset for an unsigned archive. level: of compression, 1
 * to 9. check: NULL, or called before anything is written.
 */
int create_archive(const char *conf, const char *output, const struct signer *signer, int level,
                   create_check check, struct error *err);

/* Copies an archive with a new signature; the bytes are the same as when signing at creation. input
 * and output may be the same file. */
int create_signed(const char *input, const char *output, const struct signer *signer,
                  struct error *err);

/* Writes the bytes that a signature covers: the archive's meta.conf. */
int create_digest(const char *input, const char *output, struct error *err);

#endif
