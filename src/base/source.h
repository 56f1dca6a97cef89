/* SPDX-License-Identifier: Apache-2.0 */
/* A stream of input bytes: a descriptor, a framed stream, a buffer in a test. */
#ifndef FWSSH_BASE_SOURCE_H
#define FWSSH_BASE_SOURCE_H

#include "base/error.h"

#include <stddef.h>
#include <sys/types.h>

struct source {
    /* Reads up to size bytes: the count, 0 at the end of the input, -1 with the error set. */
    ssize_t (*read)(void *data, void *buf, size_t size, struct error *err);
    void *data;
};

/* Reads the descriptor that fd points to; the caller keeps both. */
struct source source_from_fd(int *fd);

/* Bytes in memory, read from the front. */
struct source_bytes {
    const void *data;
    size_t left;
};

/* Reads from bytes; the caller keeps them. */
struct source source_from_bytes(struct source_bytes *bytes);

/* Reads until size bytes have arrived or the input ends. The count, or -1 with the error set. */
ssize_t source_read_full(const struct source *s, void *buf, size_t size, struct error *err);

#endif
