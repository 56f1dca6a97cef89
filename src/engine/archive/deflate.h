/*
 * Deflate (RFC 1951) on all cores: pieces of 1 MiB are compressed by libdeflate, each on its own,
 * and joined to one stream. The bytes do not depend on how many cores there are.
 */
#ifndef FWSSH_ENGINE_ARCHIVE_DEFLATE_H
#define FWSSH_ENGINE_ARCHIVE_DEFLATE_H

#include "base/error.h"
#include "base/source.h"

#include <stdint.h>

struct deflate_sink {
    int (*put)(void *data, const void *bytes, size_t len, struct error *err);
    void *data;
};

/* level: 1 to 9. size and crc get those of the source's bytes. */
int deflate_source(const struct source *source, int level, const struct deflate_sink *sink,
                   uint64_t *size, uint32_t *crc, struct error *err);

#endif
