/* Making archives: from a fwup.conf, and again with a signature. */
#ifndef FWSSH_ARCHIVE_CREATE_H
#define FWSSH_ARCHIVE_CREATE_H

#include "base/error.h"

#include <stdint.h>

/*
 * conf: path of the fwup.conf, "-" for standard input. output: a path (which appears whole or not
 * at all), NULL or "-" for standard output. private_key: KEYS_PRIVATE_SIZE bytes or NULL. level: 1
 * to 9.
 */
int create_archive(const char *conf, const char *output, const uint8_t *private_key, int level,
                   struct error *err);

/* Copies an archive with a new signature; the same bytes as signing at creation. Input may be the
 * output. */
int create_signed(const char *input, const char *output, const uint8_t *private_key,
                  struct error *err);

#endif
