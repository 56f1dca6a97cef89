/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/chunks/chunk_frame.h"

#include "base/memory.h"

#include <stdlib.h>
/* For frames without a magic number, and for prefixes: both exist since zstd 1.4 and have not
 * changed since. */
#define ZSTD_STATIC_LINKING_ONLY
#include <zstd.h>

#define FRAME_WINDOW_LOG 23
/* Larger tables for the levels that search long. */
#define FRAME_DEEP_LEVEL 15
#define FRAME_HASH_LOG 22
#define FRAME_CHAIN_LOG 23
/* A look at so many bytes from the middle, of at least twice as many, decides whether to try hard.
 */
#define FRAME_LOOK (16u << 10)
#define FRAME_QUICK_LEVEL 3
/* For a few bytes, and for differences: it finds something even in those that look like noise. */
#define FRAME_HARDEST_LEVEL 19
#define FRAME_DENSE_LOOK (256u << 10)

struct chunk_packer {
    ZSTD_CCtx *zstd;
};

struct chunk_unpacker {
    ZSTD_DCtx *zstd;
};

struct chunk_packer *chunk_packer_new(void)
{
    struct chunk_packer *p = memory_new(1, sizeof *p);

    p->zstd = memory_checked(ZSTD_createCCtx());
    return p;
}

void chunk_packer_free(struct chunk_packer *p)
{
    if (p)
        ZSTD_freeCCtx(p->zstd);
    free(p);
}

/* Appends the frame; returns its length. */
static size_t frame_make(struct chunk_packer *p, struct chunk_bytes bytes,
                         struct chunk_bytes prefix, int level, struct buffer *out)
{
    size_t room = ZSTD_compressBound(bytes.len);
    uint8_t *to = memory_new(room, 1);

    ZSTD_CCtx_reset(p->zstd, ZSTD_reset_session_and_parameters);
    ZSTD_CCtx_setParameter(p->zstd, ZSTD_c_compressionLevel, level);
    ZSTD_CCtx_setParameter(p->zstd, ZSTD_c_windowLog, FRAME_WINDOW_LOG);
    ZSTD_CCtx_setParameter(p->zstd, ZSTD_c_contentSizeFlag, 0);
    ZSTD_CCtx_setParameter(p->zstd, ZSTD_c_format, ZSTD_f_zstd1_magicless);
    if (level >= FRAME_DEEP_LEVEL) {
        ZSTD_CCtx_setParameter(p->zstd, ZSTD_c_hashLog, FRAME_HASH_LOG);
        ZSTD_CCtx_setParameter(p->zstd, ZSTD_c_chainLog, FRAME_CHAIN_LOG);
    }
    if (prefix.len)
        ZSTD_CCtx_refPrefix(p->zstd, prefix.bytes, prefix.len);
    size_t len = ZSTD_compress2(p->zstd, to, room, bytes.bytes, bytes.len);
    /* There is room for any frame: it can only fail for want of memory. */
    buffer_add(out, memory_checked(ZSTD_isError(len) ? NULL : to), len);
    free(to);
    return len;
}

/* Whether a quick look finds that n bytes of a hundred are gained at most. */
static bool frame_gains_little(struct chunk_packer *p, struct chunk_bytes bytes, unsigned percent)
{
    struct buffer frame = {0};
    size_t len = frame_make(p, bytes, (struct chunk_bytes){0}, 1, &frame);

    buffer_free(&frame);
    return len > bytes.len * (100 - percent) / 100;
}

void chunk_pack(struct chunk_packer *p, struct chunk_bytes bytes, struct chunk_bytes prefix,
                int level, struct buffer *out)
{
    bool looks = level > FRAME_QUICK_LEVEL && level < FRAME_HARDEST_LEVEL;

    if (looks && bytes.len > 2 * FRAME_LOOK) {
        struct chunk_bytes middle = {bytes.bytes + bytes.len / 2, FRAME_LOOK};
        if (middle.len > bytes.len - bytes.len / 2)
            middle.len = bytes.len - bytes.len / 2;
        if (frame_gains_little(p, middle, 2))
            level = FRAME_QUICK_LEVEL;
    }
    frame_make(p, bytes, prefix, level, out);
}

bool chunk_is_dense(struct chunk_packer *p, struct chunk_bytes bytes)
{
    if (bytes.len > FRAME_DENSE_LOOK)
        bytes.len = FRAME_DENSE_LOOK;
    return bytes.len && frame_gains_little(p, bytes, 5);
}

struct chunk_unpacker *chunk_unpacker_new(void)
{
    struct chunk_unpacker *u = memory_new(1, sizeof *u);

    u->zstd = memory_checked(ZSTD_createDCtx());
    return u;
}

void chunk_unpacker_free(struct chunk_unpacker *u)
{
    if (u)
        ZSTD_freeDCtx(u->zstd);
    free(u);
}

bool chunk_unpack(struct chunk_unpacker *u, struct chunk_bytes frame, struct chunk_bytes prefix,
                  uint8_t *to, size_t len)
{
    ZSTD_DCtx_reset(u->zstd, ZSTD_reset_session_and_parameters);
    ZSTD_DCtx_setParameter(u->zstd, ZSTD_d_format, ZSTD_f_zstd1_magicless);
    ZSTD_DCtx_setParameter(u->zstd, ZSTD_d_windowLogMax, FRAME_WINDOW_LOG);
    if (prefix.len)
        ZSTD_DCtx_refPrefix(u->zstd, prefix.bytes, prefix.len);
    size_t got = ZSTD_decompressDCtx(u->zstd, to, len, frame.bytes, frame.len);
    return !ZSTD_isError(got) && got == len;
}
