/* SPDX-License-Identifier: Apache-2.0 */
#include "base/memory.h"
#include "engine/apply/gpt.h"
#include "engine/apply/op.h"
#include "engine/archive/conf_section.h"

#include <stdlib.h>

static int op_gpt_write_plan(struct op *op, const struct op_source *source, struct error *err)
{
    cfg_t *section = conf_section(source->cfg, "gpt", op->argv[0]);
    struct block_range end;

    if (!section)
        return error_set(err, EXIT_MISMATCH, "gpt_write: there is no gpt section named '%s'",
                         op->argv[0]);
    op->gpt = memory_new(1, sizeof *op->gpt);
    /* Archives from other writers may still have boot=true. */
    if (gpt_table_fold_boot(section, err) || gpt_table_read(section, op->gpt, err))
        return error_prefix(err, "gpt '%s'", op->argv[0]);
    op->units = (uint64_t)(GPT_PRIMARY_BLOCKS + GPT_TABLE_BLOCKS) * BLOCK_SIZE;
    op->ranges = 2;
    op->range[0] = (struct block_range){.len = GPT_PRIMARY_BLOCKS * BLOCK_SIZE};
    /* The place of the backup depends on the device; this is the first one possible. */
    if (block_range_set(&end, gpt_blocks_needed(op->gpt) - GPT_BACKUP_BLOCKS - 1, GPT_BACKUP_BLOCKS,
                        err))
        return -1;
    op->range[1] = end;
    return 0;
}

static int op_gpt_write_run(const struct op *op, struct op_context *context, struct error *err)
{
    uint8_t *primary = memory_new(GPT_PRIMARY_BLOCKS, BLOCK_SIZE);
    uint8_t *backup = memory_new(GPT_BACKUP_BLOCKS, BLOCK_SIZE);
    struct gpt_table table = *op->gpt;
    uint64_t blocks = gpt_disk_blocks(&table, context->medium_blocks);

    gpt_expand(&table, blocks);
    gpt_encode(&table, blocks, primary, backup);
    /* One after the other, so that one of them is intact at any time. */
    uint64_t backup_offset = (blocks - GPT_BACKUP_BLOCKS) * BLOCK_SIZE;
    int rc = block_cache_write_switch(context->cache, 0, 0, primary,
                                      GPT_PRIMARY_BLOCKS * BLOCK_SIZE, err);
    if (!rc)
        rc = block_cache_write_switch(context->cache, backup_offset, backup_offset, backup,
                                      GPT_BACKUP_BLOCKS * BLOCK_SIZE, err);
    if (!rc)
        report_add(context->report, op->units);
    free(primary);
    free(backup);
    return rc;
}

const struct op_type op_gpt_write = {"gpt_write", op_gpt_write_plan, op_gpt_write_run, false};
