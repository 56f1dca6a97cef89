/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"

#include "base/buffer.h"
#include "engine/archive/deflate.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#define PIECE (1u << 20)

struct text {
    const uint8_t *bytes;
    size_t left;
};

static ssize_t read_text(void *data, void *buf, size_t size, struct error *err)
{
    struct text *t = data;
    size_t n = t->left < size ? t->left : size;

    (void)err;
    n = n > 70000 ? 70000 : n; /* short reads, as from a pipe */
    memcpy(buf, t->bytes, n);
    t->bytes += n;
    t->left -= n;
    return (ssize_t)n;
}

static int keep(void *data, const void *bytes, size_t len, struct error *err)
{
    (void)err;
    buffer_add(data, bytes, len);
    return 0;
}

/* zlib must read back what was written, and find the end of the stream where it is. */
static void comes_back(const uint8_t *bytes, size_t len, int level)
{
    struct text t = {.bytes = bytes, .left = len};
    struct source source = {.read = read_text, .data = &t};
    struct buffer made = {0};
    struct deflate_sink sink = {.put = keep, .data = &made};
    uint64_t size;
    uint32_t crc;
    struct error err;

    assert_int_equal(deflate_source(&source, level, &sink, &size, &crc, &err), 0);
    assert_int_equal(size, len);
    assert_int_equal(crc, crc32(crc32(0, NULL, 0), bytes, (uInt)len));
    uint8_t *back = malloc(len + 1);
    z_stream z = {.next_in = (Bytef *)made.data,
                  .avail_in = (uInt)made.len,
                  .next_out = back,
                  .avail_out = (uInt)len + 1};
    assert_int_equal(inflateInit2(&z, -MAX_WBITS), Z_OK);
    assert_int_equal(inflate(&z, Z_FINISH), Z_STREAM_END);
    assert_int_equal(z.avail_in, 0);
    assert_int_equal(z.total_out, len);
    assert_memory_equal(back, bytes, len);
    inflateEnd(&z);
    free(back);
    buffer_free(&made);
}

TEST(pieces_join_to_one_stream_at_every_size_and_level)
{
    static const size_t sizes[] = {0,         1,         511,           65536,     PIECE - 1,
                                   PIECE,     PIECE + 1, 2 * PIECE - 1, 2 * PIECE, 2 * PIECE + 77,
                                   9 * PIECE, 17 * PIECE};
    uint8_t *bytes = malloc(17 * PIECE);
    uint32_t seed = 1;

    /* Text-like, then random, then constant, so that pieces end in blocks of every kind. */
    for (size_t i = 0; i < 17 * PIECE; i++) {
        seed = seed * 1664525 + 1013904223;
        bytes[i] = (uint8_t)(i / PIECE % 3 == 0 ? seed >> 28 : i / PIECE % 3 == 1 ? seed >> 24 : 7);
    }
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        for (int level = sizes[i] > 2 * PIECE + 77 ? 9 : 1; level <= 9; level += 2)
            comes_back(bytes, sizes[i], level);
    /* Blocks that end at every bit of a byte. */
    for (size_t i = 0; i < 40; i++)
        comes_back(bytes + i, PIECE + i * 13, 1);
    free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces_join_to_one_stream_at_every_size_and_level),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
