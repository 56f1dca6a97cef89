/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/apply/op.h"
#include "engine/apply/uboot_env.h"
#include "engine/archive/conf_section.h"

static int op_uboot_plan(struct op *op, const struct op_source *source, struct error *err)
{
    cfg_t *section = conf_section(source->cfg, "uboot-environment", op->argv[0]);

    if (!section)
        return error_set(err, EXIT_MISMATCH, "%s: there is no uboot-environment section named '%s'",
                         op->type->name, op->argv[0]);
    if (uboot_table_read(section, &op->uboot, err))
        return -1;
    op->ranges = op->uboot.redundant ? 2 : 1;
    for (int i = 0; i < op->ranges; i++)
        op->range[i] = (struct block_range){.offset = op->uboot.offset[i], .len = op->uboot.size};
    op->units = (uint64_t)op->uboot.size * (uint64_t)op->ranges;
    return 0;
}

static int op_uboot_clearenv_run(const struct op *op, struct op_context *context, struct error *err)
{
    if (uboot_env_clear(&op->uboot, context->cache, err))
        return -1;
    report_add(context->report, op->units);
    return 0;
}

/* value NULL: unset. */
static int op_uboot_change(const struct op *op, struct op_context *context, const char *value,
                           struct error *err)
{
    struct uboot_env env;
    int rc = -1;

    if (uboot_env_read(&env, &op->uboot, context->cache, err))
        return -1;
    if (value)
        uboot_env_set(&env, op->argv[1], value);
    else
        uboot_env_unset(&env, op->argv[1]);
    rc = uboot_env_write(&env, &op->uboot, context->cache, err);
    uboot_env_free(&env);
    if (!rc)
        report_add(context->report, op->units);
    return rc;
}

static int op_uboot_setenv_run(const struct op *op, struct op_context *context, struct error *err)
{
    return op_uboot_change(op, context, op->argv[2], err);
}

static int op_uboot_unsetenv_run(const struct op *op, struct op_context *context, struct error *err)
{
    return op_uboot_change(op, context, NULL, err);
}

static int op_uboot_recover_run(const struct op *op, struct op_context *context, struct error *err)
{
    struct uboot_env env;

    if (uboot_env_read(&env, &op->uboot, context->cache, err))
        return op_uboot_clearenv_run(op, context, err);
    uboot_env_free(&env);
    report_add(context->report, op->units);
    return 0;
}

const struct op_type op_uboot_clearenv = {"uboot_clearenv", op_uboot_plan, op_uboot_clearenv_run,
                                          false};
const struct op_type op_uboot_setenv = {"uboot_setenv", op_uboot_plan, op_uboot_setenv_run, false};
const struct op_type op_uboot_unsetenv = {"uboot_unsetenv", op_uboot_plan, op_uboot_unsetenv_run,
                                          false};
const struct op_type op_uboot_recover = {"uboot_recover", op_uboot_plan, op_uboot_recover_run,
                                         false};
