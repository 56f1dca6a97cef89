/*
 * One operation of a plan: a function of a task with its arguments understood, its ranges known and
 * nothing done yet. ARCHITECTURE.md, "The shape of the engine".
 */
#ifndef FWSSH_APPLY_OP_H
#define FWSSH_APPLY_OP_H

#include "apply/block_cache.h"
#include "apply/report.h"
#include "archive/function_table.h"
#include "archive/mbr_table.h"
#include "archive/uboot_table.h"

#include <confuse.h>

struct resource_stream;

struct op_range {
    uint64_t offset, len; /* bytes that the operation writes */
};

struct op {
    const struct op_type *type;
    int argc;
    const char *const *argv;
    uint64_t number[3]; /* the numeric arguments, by position */
    uint64_t units;     /* of progress */
    struct op_range range[2];
    int ranges;
    struct mbr_table *mbr; /* owned; mbr_write */
    struct uboot_table uboot;
};

/* What a plan is made from. */
struct op_source {
    cfg_t *cfg;
    const char *resource_name; /* NULL outside of on-resource */
    uint64_t resource_size;    /* bytes of data */
};

/* What an operation works with. */
struct op_context {
    struct block_cache *cache;
    struct report *report;
    struct resource_stream *resource; /* NULL outside of on-resource */
    uint64_t medium_blocks;           /* 0 if unknown */
    bool unsafe;
    const char *reboot_param_path;
};

struct op_type {
    const char *name;
    /* Understands the arguments (already checked against the function table). No I/O. */
    int (*plan)(struct op *op, const struct op_source *source, struct error *err);
    int (*run)(const struct op *op, struct op_context *context, struct error *err);
};

extern const struct op_type op_raw_write, op_raw_memset, op_trim;
extern const struct op_type op_mbr_write;
extern const struct op_type op_uboot_clearenv, op_uboot_setenv, op_uboot_unsetenv, op_uboot_recover;
extern const struct op_type op_error, op_info, op_reboot_param;

/* The implementation of a function; NULL where this program has none yet. */
const struct op_type *op_find(const char *name);

/* offset * 512 and count * 512 as a range; an error when they do not fit 64 bits. */
int op_block_range(uint64_t offset, uint64_t count, struct op_range *range, struct error *err);

#endif
