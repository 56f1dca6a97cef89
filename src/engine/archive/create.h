/* Making archives: from a fwup.conf, and again with a signature. */
#ifndef FWSSH_ENGINE_ARCHIVE_CREATE_H
#define FWSSH_ENGINE_ARCHIVE_CREATE_H

#include "base/error.h"
#include "engine/archive/signer.h"

/*
 * conf: path of the fwup.conf, "-" for standard input. output: a path (which appears whole or not
 * at all), NULL or "-" for standard output. signer: NULL or not set: unsigned. level: 1 to 9.
 */
int create_archive(const char *conf, const char *output, const struct signer *signer, int level,
                   struct error *err);

/* Copies an archive with a new signature; the same bytes as signing at creation. Input may be the
 * output. */
int create_signed(const char *input, const char *output, const struct signer *signer,
                  struct error *err);

/* Writes what a signature is made over: the bytes of the archive's meta.conf. */
int create_digest(const char *input, const char *output, struct error *err);

#endif
