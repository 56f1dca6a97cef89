/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/apply/op.h"

#include <string.h>

const struct op_type *op_find(const char *name)
{
    static const struct op_type *const types[] = {
        &op_raw_write,      &op_raw_memset,       &op_trim,
        &op_fat_mkfs,       &op_fat_write,        &op_fat_mv,
        &op_fat_mv_replace, &op_fat_rm,           &op_fat_rm_strict,
        &op_fat_cp,         &op_fat_mkdir,        &op_fat_setlabel,
        &op_fat_touch,      &op_fat_attrib,       &op_mbr_write,
        &op_gpt_write,      &op_uboot_clearenv,   &op_uboot_setenv,
        &op_uboot_unsetenv, &op_uboot_recover,    &op_error,
        &op_info,           &op_reboot_param,     &op_path_write,
        &op_pipe_write,     &op_ubi_volume_write, &op_execute,
    };

    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (!strcmp(types[i]->name, name))
            return types[i];
    return NULL;
}
