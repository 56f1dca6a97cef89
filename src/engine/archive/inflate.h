/* SPDX-License-Identifier: Apache-2.0 */
/* Inflate (RFC 1951), with the library chosen by the build: ISA-L, or zlib where ISA-L is not
 * available. */
#ifndef FWSSH_ENGINE_ARCHIVE_INFLATE_H
#define FWSSH_ENGINE_ARCHIVE_INFLATE_H

#include <stddef.h>
#include <stdint.h>

struct inflate;

enum inflate_result { INFLATE_MORE, INFLATE_END, INFLATE_BAD };

struct inflate *inflate_new(void);
void inflate_free(struct inflate *z);

/* Prepares for the next raw deflate stream. */
void inflate_reset(struct inflate *z);

/* How a stream ended. */
struct inflate_end {
    int code;      /* INFLATE_BAD: the reason, as zlib's error code */
    size_t unused; /* INFLATE_END: input bytes consumed after the end of the stream */
};

#define INFLATE_UNUSED_MAX 8

/*
 * Consumes up to *in_len bytes of in and produces up to *out_len bytes in out; both become the
 * actual counts. The unused bytes at the end, INFLATE_UNUSED_MAX at most, may come from earlier
 * calls.
 */
enum inflate_result inflate_run(struct inflate *z, const uint8_t *in, size_t *in_len, uint8_t *out,
                                size_t *out_len, struct inflate_end *end);

#endif
