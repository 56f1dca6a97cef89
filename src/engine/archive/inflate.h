/* Inflate (RFC 1951) behind one small interface, so that the build can choose the library: ISA-L,
 * or zlib where there is none. */
#ifndef FWSSH_ENGINE_ARCHIVE_INFLATE_H
#define FWSSH_ENGINE_ARCHIVE_INFLATE_H

#include <stddef.h>
#include <stdint.h>

struct inflate;

enum inflate_result { INFLATE_MORE, INFLATE_END, INFLATE_BAD };

struct inflate *inflate_new(void);
void inflate_free(struct inflate *z);

/* Makes it ready for the next raw deflate stream. */
void inflate_reset(struct inflate *z);

/* At the end of a stream. */
struct inflate_end {
    int code;      /* of INFLATE_BAD: the reason as zlib numbers it */
    size_t unused; /* of INFLATE_END: bytes of the input so far that come behind the stream */
};

#define INFLATE_UNUSED_MAX 8

/*
 * Takes from *in_len bytes at in and gives up to *out_len bytes to out; both are set to what was
 * used. The bytes unused at the end may have been given in earlier calls.
 */
enum inflate_result inflate_run(struct inflate *z, const uint8_t *in, size_t *in_len, uint8_t *out,
                                size_t *out_len, struct inflate_end *end);

#endif
