/* SPDX-License-Identifier: Apache-2.0 */
/* One operation of a plan: a function of a task with its arguments parsed and its ranges known, but
 * nothing done yet. ARCHITECTURE.md, "The shape of the engine". */
#ifndef FWSSH_ENGINE_APPLY_OP_H
#define FWSSH_ENGINE_APPLY_OP_H

#include "engine/apply/report.h"
#include "engine/archive/function_table.h"
#include "engine/archive/gpt_table.h"
#include "engine/archive/mbr_table.h"
#include "engine/archive/uboot_table.h"
#include "engine/medium/block_cache.h"
#include "engine/medium/block_range.h"
#include "engine/medium/disk_cipher.h"

#include <confuse.h>

struct resource_stream;

struct op {
    const struct op_type *type;
    int argc;
    const char *const *argv;
    uint64_t number[3];          /* the numeric arguments, by position */
    uint64_t units;              /* of progress */
    struct block_range range[2]; /* what it writes */
    int ranges;
    struct mbr_table *mbr;      /* owned; mbr_write */
    struct gpt_table *gpt;      /* owned; gpt_write */
    struct disk_cipher *cipher; /* owned; raw_write, NULL if plain */
    struct uboot_table uboot;
};

/* What plan() gets besides the arguments. */
struct op_source {
    cfg_t *cfg;
    const char *resource_name; /* NULL outside on-resource */
    uint64_t resource_size;    /* bytes of data */
    uint64_t resource_span;    /* bytes of the file, including holes */
    bool unsafe;               /* functions may run programs and write to paths */
};

#define OP_FAT_HINTS 4

/* The last allocation on a FAT volume, so that the next file follows it. */
struct op_fat_hint {
    uint64_t offset; /* of the volume, bytes */
    uint32_t last;   /* cluster; 0: no hint */
};

/* What run() gets besides the operation. */
struct op_context {
    struct block_cache *cache;
    struct report *report;
    struct resource_stream *resource; /* NULL outside on-resource */
    uint64_t medium_blocks;           /* 0 if unknown */
    const char *reboot_param_path;
    struct op_fat_hint fat_hint[OP_FAT_HINTS];
    unsigned fat_hint_next;
    const struct extent_list *written; /* so far, if the firmware is to be staged */
};

struct op_type {
    const char *name;
    /* Parses the arguments (already checked against the function table). No I/O. */
    int (*plan)(struct op *op, const struct op_source *source, struct error *err);
    int (*run)(const struct op *op, struct op_context *context, struct error *err);
    bool needs_unsafe;
};

extern const struct op_type op_raw_write, op_raw_memset, op_trim;
extern const struct op_type op_fat_mkfs, op_fat_write, op_fat_mv, op_fat_mv_replace, op_fat_rm,
    op_fat_rm_strict, op_fat_cp, op_fat_mkdir, op_fat_setlabel, op_fat_touch, op_fat_attrib;
extern const struct op_type op_mbr_write, op_gpt_write;
extern const struct op_type op_uboot_clearenv, op_uboot_setenv, op_uboot_unsetenv, op_uboot_recover;
extern const struct op_type op_error, op_info, op_reboot_param;
extern const struct op_type op_path_write, op_pipe_write, op_ubi_volume_write, op_execute;

/* The implementation of a function; NULL if there is no such function. */
const struct op_type *op_find(const char *name);

#endif
