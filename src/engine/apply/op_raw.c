/* SPDX-License-Identifier: Apache-2.0 */
#include "base/memory.h"
#include "engine/apply/op.h"
#include "engine/apply/resource_stream.h"

#include <stdlib.h>
#include <string.h>

#define RAW_PIECE 65536u

static int op_raw_write_plan(struct op *op, const struct op_source *source, struct error *err)
{
    uint64_t span = source->resource_span;

    if (op->argc > 1) {
        op->cipher = disk_cipher_new(op->argc - 1, op->argv + 1, err);
        if (!op->cipher)
            return -1;
    }
    op->units = source->resource_size;
    op->ranges = 1;
    return block_range_set(&op->range[0], op->number[0],
                           span / BLOCK_SIZE + (span % BLOCK_SIZE != 0), err);
}

/* Collects data into whole blocks. */
struct op_raw_writing {
    const struct op *op;
    struct block_cache *cache;
    uint64_t next; /* in the file: where the last data ended */
    size_t held;   /* bytes of the block that contains next */
    uint8_t block[BLOCK_SIZE];
    uint8_t *piece; /* to encrypt in; RAW_PIECE bytes */
};

/* Writes whole blocks. at: their offset in the file. */
static int op_raw_put(struct op_raw_writing *w, uint64_t at, const uint8_t *bytes, size_t len,
                      struct error *err)
{
    uint64_t offset = w->op->range[0].offset + at;

    if (!w->op->cipher)
        return block_cache_write(w->cache, offset, bytes, len, true, err);
    while (len) {
        size_t n = len < RAW_PIECE ? len : RAW_PIECE;
        memcpy(w->piece, bytes, n);
        disk_cipher_encrypt(w->op->cipher, at / DISK_CIPHER_SECTOR, w->piece, n);
        if (block_cache_write(w->cache, offset, w->piece, n, true, err))
            return -1;
        offset += n;
        at += n;
        bytes += n;
        len -= n;
    }
    return 0;
}

/* Writes the held block, padded with zeros. */
static int op_raw_put_held(struct op_raw_writing *w, struct error *err)
{
    uint64_t at = w->next - w->held;

    if (!w->held)
        return 0;
    memset(w->block + w->held, 0, BLOCK_SIZE - w->held);
    w->held = 0;
    return op_raw_put(w, at, w->block, BLOCK_SIZE, err);
}

/* A hole: its whole blocks are left alone, its part of the blocks at both ends is zeros. */
static int op_raw_skip(struct op_raw_writing *w, uint64_t at, struct error *err)
{
    if (at / BLOCK_SIZE != w->next / BLOCK_SIZE) {
        if (op_raw_put_held(w, err))
            return -1;
        w->next = at / BLOCK_SIZE * BLOCK_SIZE;
    }
    memset(w->block + w->held, 0, (size_t)(at - w->next));
    w->held += (size_t)(at - w->next);
    w->next = at;
    return 0;
}

static int op_raw_take(struct op_raw_writing *w, uint64_t at, const uint8_t *bytes, size_t len,
                       struct error *err)
{
    if (at != w->next && op_raw_skip(w, at, err))
        return -1;
    if (w->held) {
        size_t n = BLOCK_SIZE - w->held < len ? BLOCK_SIZE - w->held : len;
        memcpy(w->block + w->held, bytes, n);
        w->held += n;
        w->next += n;
        bytes += n;
        len -= n;
        if (w->held == BLOCK_SIZE && op_raw_put_held(w, err))
            return -1;
    }
    size_t whole = len / BLOCK_SIZE * BLOCK_SIZE;
    if (whole && op_raw_put(w, w->next, bytes, whole, err))
        return -1;
    w->next += len;
    if (len > whole) {
        w->held = len - whole;
        memcpy(w->block, bytes + whole, w->held);
    }
    return 0;
}

/* The end of the file. Of a trailing hole, the last 512 bytes are written, as by fwup. */
static int op_raw_end(struct op_raw_writing *w, uint64_t size, struct error *err)
{
    static const uint8_t zeros[BLOCK_SIZE];
    uint64_t hole = size - w->next;
    size_t len = hole < BLOCK_SIZE ? (size_t)hole : BLOCK_SIZE;

    if (len && op_raw_take(w, size - len, zeros, len, err))
        return -1;
    return op_raw_put_held(w, err);
}

static int op_raw_write_take(void *data, uint64_t at, const uint8_t *bytes, size_t len,
                             struct error *err)
{
    return len ? op_raw_take(data, at, bytes, len, err) : op_raw_end(data, at, err);
}

static int op_raw_write_run(const struct op *op, struct op_context *context, struct error *err)
{
    struct op_raw_writing w = {.op = op, .cache = context->cache};

    if (op->cipher)
        w.piece = memory_new(RAW_PIECE, 1);
    int rc = resource_stream_each(context->resource, false, op_raw_write_take, &w, err);
    free(w.piece);
    return rc;
}

const struct op_type op_raw_write = {"raw_write", op_raw_write_plan, op_raw_write_run, false};

static int op_raw_memset_plan(struct op *op, const struct op_source *source, struct error *err)
{
    (void)source;
    op->ranges = 1;
    if (block_range_set(&op->range[0], op->number[0], op->number[1], err))
        return -1;
    op->units = op->range[0].len;
    return 0;
}

static int op_raw_memset_run(const struct op *op, struct op_context *context, struct error *err)
{
    uint8_t *piece = memory_new(SEGMENT_SIZE, 1);
    uint64_t offset = op->range[0].offset, left = op->range[0].len;
    int rc = 0;

    memset(piece, (int)op->number[2], SEGMENT_SIZE);
    while (left && !rc) {
        size_t n = left < SEGMENT_SIZE ? (size_t)left : SEGMENT_SIZE;
        rc = block_cache_write(context->cache, offset, piece, n, true, err);
        if (!rc)
            report_add(context->report, n);
        offset += n;
        left -= n;
    }
    free(piece);
    return rc;
}

const struct op_type op_raw_memset = {"raw_memset", op_raw_memset_plan, op_raw_memset_run, false};

/* A range that is too large for any device is harmless to trim, so it is not an error. */
static int op_trim_plan(struct op *op, const struct op_source *source, struct error *err)
{
    struct error ignored;

    (void)source;
    (void)err;
    op->units = op->number[1] / 256;
    op->ranges = !block_range_set(&op->range[0], op->number[0], op->number[1], &ignored);
    return 0;
}

/*
 * Trim is only a hint: huge numbers are harmless, and a medium that cannot discard is not an error.
 */
static int op_trim_run(const struct op *op, struct op_context *context, struct error *err)
{
    uint64_t offset, len;

    if (__builtin_mul_overflow(op->number[0], (uint64_t)BLOCK_SIZE, &offset))
        return 0;
    if (__builtin_mul_overflow(op->number[1], (uint64_t)BLOCK_SIZE, &len))
        len = UINT64_MAX;
    if (block_cache_trim(context->cache, offset, len, err))
        report_info(context->report, "%s", err->text);
    report_add(context->report, op->units);
    return 0;
}

const struct op_type op_trim = {"trim", op_trim_plan, op_trim_run, false};
