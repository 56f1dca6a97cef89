/* SPDX-License-Identifier: Apache-2.0 */
/* The medium: the engine's only access to the device. A medium is a block device, an image file, or
 * a recorder in a test. */
#ifndef FWSSH_ENGINE_MEDIUM_MEDIUM_H
#define FWSSH_ENGINE_MEDIUM_MEDIUM_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

struct medium {
    /*
     * Offsets and lengths are whole blocks of 512 bytes, or of block_size; buffers are aligned to
     * the same (O_DIRECT). Each returns 0, or -1 with the error set. Reading past the end of an
     * image yields zeros.
     */
    int (*read)(struct medium *m, uint64_t offset, void *buf, size_t len, struct error *err);
    /* Contiguous pieces: one large write instead of several. */
    int (*write)(struct medium *m, uint64_t offset, const struct iovec *pieces, int count,
                 struct error *err);
    /* Returns when everything written is safe from a loss of power. */
    int (*flush)(struct medium *m, struct error *err);
    /* A hint that the range is not needed; NULL if the medium does not support it. */
    int (*discard)(struct medium *m, uint64_t offset, uint64_t len, struct error *err);
    /* Extends an image to at least this size; NULL for a device. */
    int (*extend)(struct medium *m, uint64_t size, struct error *err);

    uint64_t size;       /* bytes, 0 if unknown; an image may grow past it */
    uint64_t hard_end;   /* bytes; nothing can be past it. UINT64_MAX if there is none */
    uint32_t block_size; /* of the device, if above 512 bytes: reads are aligned to it */
    bool is_device;
    uint64_t device; /* its number (st_rdev), if is_device */
};

#endif
