/* SPDX-License-Identifier: Apache-2.0 */
#include "base/memory.h"
#include "engine/apply/mbr.h"
#include "engine/apply/op.h"
#include "engine/archive/conf_section.h"

static int op_mbr_write_plan(struct op *op, const struct op_source *source, struct error *err)
{
    cfg_t *section = conf_section(source->cfg, "mbr", op->argv[0]);
    int logical = 0;

    if (!section)
        return error_set(err, EXIT_MISMATCH, "mbr_write: there is no mbr section named '%s'",
                         op->argv[0]);
    op->mbr = memory_new(1, sizeof *op->mbr);
    if (mbr_table_read(section, op->mbr, err))
        return error_prefix(err, "mbr '%s'", op->argv[0]);
    for (int i = MBR_PRIMARIES; i < MBR_PARTITIONS; i++)
        logical += op->mbr->partition[i].present;
    op->units = 512;
    op->range[0] = (struct block_range){.offset = 0, .len = MBR_SIZE};
    op->range[1] =
        (struct block_range){.offset = (uint64_t)op->mbr->partition[3].offset * BLOCK_SIZE,
                             .len = (uint64_t)logical * MBR_SIZE};
    op->ranges = logical ? 2 : 1;
    return 0;
}

static int op_mbr_write_run(const struct op *op, struct op_context *context, struct error *err)
{
    uint8_t block[MBR_SIZE], ebrs[MBR_EBR_MAX][MBR_SIZE];
    struct mbr_table table = *op->mbr;

    mbr_expand(&table, context->medium_blocks);
    mbr_encode(&table, block);
    int count = mbr_encode_ebrs(&table, ebrs);
    /* The table itself comes last: it may be the boot switch. */
    for (int k = 0; k < count; k++)
        if (block_cache_write(context->cache, op->range[1].offset + (uint64_t)k * MBR_SIZE, ebrs[k],
                              MBR_SIZE, false, err))
            return -1;
    if (block_cache_write_switch(context->cache, 0, 0, block, sizeof block, err))
        return -1;
    report_add(context->report, op->units);
    return 0;
}

const struct op_type op_mbr_write = {"mbr_write", op_mbr_write_plan, op_mbr_write_run, false};
