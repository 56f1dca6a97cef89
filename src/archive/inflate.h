/* Inflate (RFC 1951) behind one small interface, so that another library can take its place. */
#ifndef FWSSH_ARCHIVE_INFLATE_H
#define FWSSH_ARCHIVE_INFLATE_H

#include <stddef.h>
#include <stdint.h>

struct inflate;

enum inflate_result { INFLATE_MORE, INFLATE_END, INFLATE_BAD };

struct inflate *inflate_new(void);
void inflate_free(struct inflate *z);

/* Makes it ready for the next raw deflate stream. */
void inflate_reset(struct inflate *z);

/*
 * Takes from *in_len bytes at in and gives up to *out_len bytes to out; both are set to what was
 * used. code, if the result is INFLATE_BAD, is the reason as zlib numbers it.
 */
enum inflate_result inflate_run(struct inflate *z, const uint8_t *in, size_t *in_len, uint8_t *out,
                                size_t *out_len, int *code);

#endif
