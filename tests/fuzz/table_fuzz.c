/* SPDX-License-Identifier: Apache-2.0 */
/* mbr and gpt sections of a meta.conf, and their encoding. */
#include "fuzz.h"

#include "engine/apply/gpt.h"
#include "engine/apply/mbr.h"
#include "engine/archive/conf.h"
#include "engine/medium/block_cache.h"

#include <stdlib.h>

static void fuzz_mbr(cfg_t *section)
{
    uint8_t block[MBR_SIZE], ebrs[MBR_EBR_MAX][MBR_SIZE];
    struct mbr_table table;
    struct error err;

    if (mbr_table_read(section, &table, &err))
        return;
    mbr_expand(&table, 1u << 20);
    mbr_encode(&table, block);
    (void)mbr_encode_ebrs(&table, ebrs);
}

static void fuzz_gpt(cfg_t *section)
{
    static uint8_t primary[GPT_PRIMARY_BLOCKS * BLOCK_SIZE], backup[GPT_BACKUP_BLOCKS * BLOCK_SIZE];
    struct gpt_table table;
    struct error err;

    if (gpt_table_fold_boot(section, &err) || gpt_table_read(section, &table, &err))
        return;
    gpt_expand(&table, gpt_blocks_needed(&table));
    gpt_encode(&table, gpt_blocks_needed(&table), primary, backup);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = fuzz_text(data, size);
    struct error err;
    cfg_t *cfg = conf_parse_meta(text, &err);

    free(text);
    if (!cfg)
        return 0;
    for (unsigned i = 0; i < cfg_size(cfg, "mbr"); i++)
        fuzz_mbr(cfg_getnsec(cfg, "mbr", i));
    for (unsigned i = 0; i < cfg_size(cfg, "gpt"); i++)
        fuzz_gpt(cfg_getnsec(cfg, "gpt", i));
    cfg_free(cfg);
    return 0;
}
