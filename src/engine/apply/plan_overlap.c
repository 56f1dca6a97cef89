/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/apply/plan.h"

#include "base/memory.h"
#include "engine/apply/gpt.h"

#include <stdlib.h>
#include <string.h>

/* What a range is for. Those of one kind and place are the same thing, written more than once. */
enum overlap_kind { OVERLAP_MBR, OVERLAP_GPT, OVERLAP_ENVIRONMENT, OVERLAP_FAT, OVERLAP_DATA };

struct overlap_range {
    enum overlap_kind kind;
    const struct op *op;
    uint64_t place; /* where the whole thing begins */
    struct block_range range;
};

struct overlap_list {
    const struct medium *medium;
    size_t count;
    struct overlap_range *range;
};

/* Whether the ranges of an operation matter here. Others clear ranges, as on-init does before it
 * writes, or only hint. */
static bool overlap_kind_of(const struct op *op, enum overlap_kind *kind)
{
    static const struct op_type *const fat[] = {
        &op_fat_mkfs,     &op_fat_write,     &op_fat_mv,    &op_fat_mv_replace,
        &op_fat_rm,       &op_fat_rm_strict, &op_fat_cp,    &op_fat_mkdir,
        &op_fat_setlabel, &op_fat_touch,     &op_fat_attrib};

    if (op->type == &op_mbr_write)
        *kind = OVERLAP_MBR;
    else if (op->type == &op_gpt_write)
        *kind = OVERLAP_GPT;
    else if (op->uboot.size)
        *kind = OVERLAP_ENVIRONMENT;
    else if (op->type == &op_raw_write)
        *kind = OVERLAP_DATA;
    else
        *kind = OVERLAP_FAT;
    if (*kind != OVERLAP_FAT)
        return true;
    for (size_t i = 0; i < sizeof fat / sizeof *fat; i++)
        if (op->type == fat[i])
            return true;
    return false;
}

static uint64_t overlap_backup(const struct gpt_table *table, const struct medium *medium)
{
    uint64_t blocks = gpt_disk_blocks(table, medium->size / BLOCK_SIZE);

    return (blocks - GPT_BACKUP_BLOCKS) * BLOCK_SIZE;
}

/* The first block of a GPT is an MBR, which boot code or a hybrid table may replace. */
static void overlap_leave_mbr(struct block_range *range)
{
    range->offset = BLOCK_SIZE;
    range->len -= BLOCK_SIZE;
}

static int overlap_collect(const struct op *op, const struct block_range *range, void *data,
                           struct error *err)
{
    struct overlap_list *list = data;
    struct overlap_range r = {.op = op, .range = *range};

    (void)err;
    if (!range->len || !overlap_kind_of(op, &r.kind))
        return 0;
    bool is_backup = r.kind == OVERLAP_GPT && range->offset;
    if (is_backup && !list->medium)
        return 0;
    r.place = r.kind == OVERLAP_GPT || r.kind == OVERLAP_MBR ? 0 : range->offset;
    if (is_backup)
        r.range.offset = overlap_backup(op->gpt, list->medium);
    else if (r.kind == OVERLAP_GPT)
        overlap_leave_mbr(&r.range);
    list->range = memory_resize(list->range, (list->count + 1) * sizeof *list->range);
    list->range[list->count++] = r;
    return 0;
}

static bool range_holds(const struct block_range *outer, const struct block_range *inner)
{
    return inner->offset >= outer->offset &&
           inner->offset + inner->len <= outer->offset + outer->len;
}

/* Data may hold a whole table or environment, as the image of a disk does, but not cut it. */
static bool overlap_is_wrong(const struct overlap_range *a, const struct overlap_range *b)
{
    if (a->range.offset >= b->range.offset + b->range.len ||
        b->range.offset >= a->range.offset + a->range.len)
        return false;
    if (a->kind == b->kind && (a->place == b->place || a->kind == OVERLAP_DATA))
        return false;
    if (a->kind == OVERLAP_DATA || b->kind == OVERLAP_DATA) {
        const struct overlap_range *data = a->kind == OVERLAP_DATA ? a : b;
        const struct overlap_range *other = a->kind == OVERLAP_DATA ? b : a;
        return (other->kind == OVERLAP_GPT || other->kind == OVERLAP_ENVIRONMENT) &&
               !range_holds(&data->range, &other->range);
    }
    return true;
}

int plan_check_overlaps(const struct plan *plan, const struct medium *medium, struct error *err)
{
    struct overlap_list list = {.medium = medium};
    int rc = plan_each_range(plan, overlap_collect, &list, err);

    for (size_t i = 0; i < list.count && !rc; i++)
        for (size_t k = 0; k < i && !rc; k++)
            if (overlap_is_wrong(&list.range[k], &list.range[i]))
                rc = error_set(err, EXIT_MISMATCH,
                               "what %s writes at block %llu and what %s writes at block %llu "
                               "overlap, so one would destroy the other; nothing was written",
                               list.range[k].op->type->name,
                               (unsigned long long)(list.range[k].range.offset / BLOCK_SIZE),
                               list.range[i].op->type->name,
                               (unsigned long long)(list.range[i].range.offset / BLOCK_SIZE));
    free(list.range);
    return rc;
}
