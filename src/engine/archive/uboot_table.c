/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/archive/uboot_table.h"

#include "base/number.h"

#define UBOOT_BLOCKS_MAX 65534
#define UBOOT_OFFSET_MAX (UINT64_MAX / 512 - UBOOT_BLOCKS_MAX)

static int uboot_offset(cfg_t *section, const char *key, uint64_t *bytes, struct error *err)
{
    uint64_t block;

    if (number_parse(cfg_getstr(section, key), &block) || block > UBOOT_OFFSET_MAX)
        return error_set(err, EXIT_FAILED, "%s of uboot-environment '%s' must be a block number",
                         key, cfg_title(section));
    *bytes = block * 512;
    return 0;
}

int uboot_table_read(cfg_t *section, struct uboot_table *table, struct error *err)
{
    long count = cfg_getint(section, "block-count");

    *table = (struct uboot_table){0};
    if (!cfg_getstr(section, "block-offset"))
        return error_set(err, EXIT_FAILED, "uboot-environment '%s' needs a block-offset",
                         cfg_title(section));
    if (uboot_offset(section, "block-offset", &table->offset[0], err))
        return -1;
    if (count < 1 || count > UBOOT_BLOCKS_MAX)
        return error_set(err, EXIT_FAILED,
                         "block-count of uboot-environment '%s' must be between 1 and %d",
                         cfg_title(section), UBOOT_BLOCKS_MAX);
    table->size = (uint32_t)count * 512;
    const char *second = cfg_getstr(section, "block-offset-redund");
    if (!second || !*second)
        return 0;
    table->redundant = true;
    if (uboot_offset(section, "block-offset-redund", &table->offset[1], err))
        return -1;
    if (table->offset[0] < table->offset[1] + table->size &&
        table->offset[1] < table->offset[0] + table->size)
        return error_set(err, EXIT_FAILED, "the two copies of uboot-environment '%s' overlap",
                         cfg_title(section));
    return 0;
}
