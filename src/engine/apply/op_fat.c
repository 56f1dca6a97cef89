/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/apply/op.h"
#include "engine/apply/resource_stream.h"
#include "engine/fat/fat_file.h"
#include "engine/fat/fat_format.h"
#include "engine/fat/fat_tree.h"

#include <inttypes.h>
#include <stdlib.h>

#define OP_FAT_UNITS 512

/* Only the volume itself knows where it ends; its first block is enough for the plan. */
static int op_fat_plan(struct op *op, const struct op_source *source, struct error *err)
{
    (void)source;
    op->units = OP_FAT_UNITS;
    op->ranges = 1;
    return block_range_set(&op->range[0], op->number[0], 1, err);
}

static int op_fat_failed(const struct op *op, const char *path, struct error *err)
{
    return error_prefix(err, "%s(%s)", op->type->name, path);
}

static struct op_fat_hint *op_fat_hint(struct op_context *context, uint64_t offset)
{
    struct op_fat_hint *hint = context->fat_hint;

    for (size_t i = 0; i < OP_FAT_HINTS; i++)
        if (hint[i].last && hint[i].offset == offset)
            return &hint[i];
    return NULL;
}

/* Files follow each other as if the volume had stayed mounted. */
static int op_fat_mount(struct fat_volume *v, struct op_context *context, uint64_t offset,
                        struct error *err)
{
    const struct op_fat_hint *hint = op_fat_hint(context, offset);

    if (fat_volume_mount(v, context->cache, offset, err))
        return -1;
    if (hint)
        v->last = hint->last;
    return 0;
}

static int op_fat_unmount(struct fat_volume *v, struct op_context *context, struct error *err)
{
    struct op_fat_hint *hint = op_fat_hint(context, v->offset);

    if (!hint)
        hint = &context->fat_hint[context->fat_hint_next++ % OP_FAT_HINTS];
    *hint = (struct op_fat_hint){.offset = v->offset, .last = v->last};
    return fat_volume_sync(v, err);
}

static int op_fat_change(const struct op *op, struct fat_volume *v, struct error *err)
{
    const char *path = op->argv[1];

    if (op->type == &op_fat_mkdir)
        return fat_tree_mkdir(v, path, err);
    if (op->type == &op_fat_touch)
        return fat_file_touch(v, path, err);
    if (op->type == &op_fat_rm || op->type == &op_fat_rm_strict)
        return fat_tree_remove(v, path, op->type == &op_fat_rm_strict, err);
    if (op->type == &op_fat_mv || op->type == &op_fat_mv_replace)
        return fat_tree_move(v, path, op->argv[2], op->type == &op_fat_mv_replace, err);
    if (op->type == &op_fat_attrib)
        return fat_tree_set_attributes(v, path, op->argv[2], err);
    return fat_tree_set_label(v, path, err);
}

static int op_fat_tree_run(const struct op *op, struct op_context *context, struct error *err)
{
    struct fat_volume v;

    if (op_fat_mount(&v, context, op->range[0].offset, err) || op_fat_change(op, &v, err) ||
        op_fat_unmount(&v, context, err))
        return op_fat_failed(op, op->argv[1], err);
    report_add(context->report, op->units);
    return 0;
}

const struct op_type op_fat_mkdir = {"fat_mkdir", op_fat_plan, op_fat_tree_run, false};
const struct op_type op_fat_touch = {"fat_touch", op_fat_plan, op_fat_tree_run, false};
const struct op_type op_fat_rm = {"fat_rm", op_fat_plan, op_fat_tree_run, false};
const struct op_type op_fat_rm_strict = {"fat_rm!", op_fat_plan, op_fat_tree_run, false};
const struct op_type op_fat_mv = {"fat_mv", op_fat_plan, op_fat_tree_run, false};
const struct op_type op_fat_mv_replace = {"fat_mv!", op_fat_plan, op_fat_tree_run, false};
const struct op_type op_fat_attrib = {"fat_attrib", op_fat_plan, op_fat_tree_run, false};
const struct op_type op_fat_setlabel = {"fat_setlabel", op_fat_plan, op_fat_tree_run, false};

static int op_fat_mkfs_plan(struct op *op, const struct op_source *source, struct error *err)
{
    (void)source;
    op->units = OP_FAT_UNITS;
    op->ranges = 1;
    return block_range_set(&op->range[0], op->number[0], op->number[1], err);
}

static int op_fat_mkfs_run(const struct op *op, struct op_context *context, struct error *err)
{
    struct op_fat_hint *hint = op_fat_hint(context, op->range[0].offset);
    struct error ignored;

    if (hint)
        *hint = (struct op_fat_hint){0};
    /* Trim is only a hint, so a failure is not an error. */
    if (block_cache_trim(context->cache, op->range[0].offset, op->range[0].len, &ignored))
        report_info(context->report, "%s", ignored.text);
    if (fat_format(context->cache, op->range[0].offset, op->number[1], err))
        return error_prefix(err, "fat_mkfs");
    report_add(context->report, op->units);
    return 0;
}

const struct op_type op_fat_mkfs = {"fat_mkfs", op_fat_mkfs_plan, op_fat_mkfs_run, false};

static int op_fat_write_plan(struct op *op, const struct op_source *source, struct error *err)
{
    if (op_fat_plan(op, source, err))
        return -1;
    op->units = source->resource_span;
    if (op->units > UINT32_MAX)
        return error_set(err, EXIT_MISMATCH,
                         "fat_write: '%s' has %" PRIu64
                         " bytes, but a file on FAT can have at most 4 GiB less one byte",
                         source->resource_name, op->units);
    return 0;
}

static const char *op_fat_write_path(const struct op *op, const struct op_context *context)
{
    return op->argc > 1 ? op->argv[1] : resource_stream_name(context->resource);
}

/* What op_fat_write_take() works on. */
struct op_fat_writing {
    struct fat_file file;
    const char *path;
    uint64_t expected;
};

static int op_fat_write_failed(const struct op_fat_writing *w, struct error *err)
{
    if (!w->file.volume->is_full)
        return error_prefix(err, "fat_write(%s)", w->path);
    return error_set(err, EXIT_FAILED,
                     "Error writing file to FAT: %s, expected %" PRIu64
                     " bytes written, got %" PRIu64 " (maybe the disk is full?)",
                     w->path, w->expected, w->file.stored);
}

/* Holes are written as zeros. */
static int op_fat_write_take(void *data, uint64_t at, const uint8_t *bytes, size_t len,
                             struct error *err)
{
    static const uint8_t zeros[BLOCK_SIZE * 8];
    struct op_fat_writing *w = data;

    while (w->file.size < at) {
        uint64_t left = at - w->file.size;
        if (fat_file_write(&w->file, zeros, left < sizeof zeros ? (size_t)left : sizeof zeros, err))
            return op_fat_write_failed(w, err);
    }
    return fat_file_write(&w->file, bytes, len, err) ? op_fat_write_failed(w, err) : 0;
}

static int op_fat_write_run(const struct op *op, struct op_context *context, struct error *err)
{
    struct op_fat_writing w = {.path = op_fat_write_path(op, context), .expected = op->units};
    struct fat_volume v;

    if (op_fat_mount(&v, context, op->range[0].offset, err) ||
        fat_file_create(&w.file, &v, w.path, err))
        return op_fat_failed(op, w.path, err);
    if (resource_stream_each(context->resource, true, op_fat_write_take, &w, err))
        return -1;
    if (fat_file_finish(&w.file, err))
        return op_fat_write_failed(&w, err);
    return op_fat_unmount(&v, context, err) ? op_fat_failed(op, w.path, err) : 0;
}

const struct op_type op_fat_write = {"fat_write", op_fat_write_plan, op_fat_write_run, false};

/* fat_cp(offset, from, to) or fat_cp(offset, from, offset, to). */
static int op_fat_cp_plan(struct op *op, const struct op_source *source, struct error *err)
{
    (void)source;
    op->units = OP_FAT_UNITS;
    op->ranges = 1;
    op->number[1] = op->argc == 4 ? op->number[2] : op->number[0];
    return block_range_set(&op->range[0], op->number[1], 1, err) ||
                   block_range_set(&op->range[1], op->number[0], 1, err)
               ? -1
               : 0;
}

static int op_fat_cp_take(void *data, const uint8_t *bytes, size_t len, struct error *err)
{
    return fat_file_write(data, bytes, len, err);
}

/* 1 if both paths are the same file, which must not be truncated by copying onto itself; 0, -1. */
static int op_fat_cp_is_same(struct fat_volume *from, const char *from_path, struct fat_volume *to,
                             const char *to_path, struct error *err)
{
    struct fat_entry a, b;

    if (from != to)
        return 0;
    int found = fat_dir_lookup(from, from_path, &a, err);
    if (found > 0)
        found = fat_dir_lookup(to, to_path, &b, err);
    return found <= 0 ? found : a.sector == b.sector && a.slot == b.slot;
}

static int op_fat_cp_files(struct fat_volume *from, const char *from_path, struct fat_volume *to,
                           const char *to_path, struct error *err)
{
    struct fat_extent *extents;
    struct fat_file file;
    size_t count;

    /* A missing source must fail before the target is created. */
    if (fat_file_extents(from, from_path, &extents, &count, err))
        return -1;
    free(extents);
    int same = op_fat_cp_is_same(from, from_path, to, to_path, err);
    if (same)
        return same < 0 ? -1 : 0;
    return fat_file_create(&file, to, to_path, err) ||
                   fat_file_read(from, from_path, op_fat_cp_take, &file, err) ||
                   fat_file_finish(&file, err)
               ? -1
               : 0;
}

static int op_fat_cp_run(const struct op *op, struct op_context *context, struct error *err)
{
    const char *from_path = op->argv[1], *to_path = op->argv[op->argc - 1];
    bool across = op->range[0].offset != op->range[1].offset;
    struct fat_volume from, to;
    struct fat_volume *target = across ? &to : &from;

    if (op_fat_mount(&from, context, op->range[1].offset, err) ||
        (across && op_fat_mount(&to, context, op->range[0].offset, err)) ||
        op_fat_cp_files(&from, from_path, target, to_path, err) ||
        op_fat_unmount(target, context, err))
        return op_fat_failed(op, from_path, err);
    report_add(context->report, op->units);
    return 0;
}

const struct op_type op_fat_cp = {"fat_cp", op_fat_cp_plan, op_fat_cp_run, false};
