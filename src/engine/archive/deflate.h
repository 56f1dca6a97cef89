/* SPDX-License-Identifier: Apache-2.0 */
/* Deflate (RFC 1951) on all cores: libdeflate compresses pieces of 1 MiB independently, and they
 * are joined into one stream. The output does not depend on the number of cores. */
#ifndef FWSSH_ENGINE_ARCHIVE_DEFLATE_H
#define FWSSH_ENGINE_ARCHIVE_DEFLATE_H

#include "base/error.h"
#include "base/source.h"

#include <stdint.h>

struct deflate_sink {
    int (*put)(void *data, const void *bytes, size_t len, struct error *err);
    void *data;
};

/* level: 1 to 9. *size and *crc become size and CRC-32 of the uncompressed bytes. 0, or -1 with the
 * error set by the source or the sink. */
int deflate_source(const struct source *source, int level, const struct deflate_sink *sink,
                   uint64_t *size, uint32_t *crc, struct error *err);

#endif
