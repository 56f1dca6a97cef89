#include "apply/op.h"
#include "apply/resource_stream.h"
#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

/* What one inflated piece of input can be at most without another round. */
#define RAW_PIECE (256u * 1024)

static int op_raw_write_plan(struct op *op, const struct op_source *source, struct error *err)
{
    uint64_t blocks =
        source->resource_size / BLOCK_SIZE + (source->resource_size % BLOCK_SIZE != 0);

    if (op->argc > 1)
        return error_set(err, EXIT_FAILED, "raw_write with encryption is not supported yet");
    op->units = source->resource_size;
    op->ranges = 1;
    return op_block_range(op->number[0], blocks, &op->range[0], err);
}

/* Whole blocks go to the cache; what is left of a block waits for the next piece, or is padded with
 * zeros. */
static int op_raw_write_run(const struct op *op, struct op_context *context, struct error *err)
{
    uint8_t *piece = memory_new(RAW_PIECE + BLOCK_SIZE, 1);
    uint64_t offset = op->range[0].offset;
    size_t held = 0;
    ssize_t n;
    int rc = -1;

    while ((n = resource_stream_read(context->resource, piece + held, RAW_PIECE, err)) > 0) {
        size_t have = held + (size_t)n, whole = have / BLOCK_SIZE * BLOCK_SIZE;
        if (block_cache_write(context->cache, offset, piece, whole, true, err))
            goto cleanup;
        offset += whole;
        held = have - whole;
        memmove(piece, piece + whole, held);
        report_add(context->report, (uint64_t)n);
    }
    if (n < 0)
        goto cleanup;
    if (held) {
        memset(piece + held, 0, BLOCK_SIZE - held);
        if (block_cache_write(context->cache, offset, piece, BLOCK_SIZE, true, err))
            goto cleanup;
    }
    rc = 0;
cleanup:
    free(piece);
    return rc;
}

const struct op_type op_raw_write = {"raw_write", op_raw_write_plan, op_raw_write_run};

static int op_raw_memset_plan(struct op *op, const struct op_source *source, struct error *err)
{
    (void)source;
    op->ranges = 1;
    if (op_block_range(op->number[0], op->number[1], &op->range[0], err))
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

const struct op_type op_raw_memset = {"raw_memset", op_raw_memset_plan, op_raw_memset_run};

static int op_trim_plan(struct op *op, const struct op_source *source, struct error *err)
{
    (void)source;
    (void)err;
    op->units = op->number[1] / 256;
    return 0;
}

/* Only a hint, so huge numbers are harmless and a medium that cannot discard is no failure. */
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

const struct op_type op_trim = {"trim", op_trim_plan, op_trim_run};
