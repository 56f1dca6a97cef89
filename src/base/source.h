/* Where a stream of bytes comes from: a descriptor, a framed stream, a buffer of a test. */
#ifndef FWSSH_BASE_SOURCE_H
#define FWSSH_BASE_SOURCE_H

#include "base/error.h"

#include <stddef.h>
#include <sys/types.h>

struct source {
    /* Up to size bytes; 0 at the end of the input; -1 with the error set. */
    ssize_t (*read)(void *data, void *buf, size_t size, struct error *err);
    void *data;
};

/* A source that reads the descriptor that fd points to; both stay the caller's. */
struct source source_from_fd(int *fd);

/* Bytes in memory, given out from the front. */
struct source_bytes {
    const void *data;
    size_t left;
};

/* A source of bytes that stay the caller's. */
struct source source_from_bytes(struct source_bytes *bytes);

/* Until size bytes are there or the input ends. The count, or -1 with the error set. */
ssize_t source_read_full(const struct source *s, void *buf, size_t size, struct error *err);

#endif
