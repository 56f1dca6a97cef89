/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/apply/plan.h"

#include "base/memory.h"
#include "base/number.h"
#include "engine/apply/call_list.h"
#include "engine/archive/conf_section.h"
#include "engine/archive/firmware.h"
#include "engine/delta/delta_source.h"

#include <stdlib.h>
#include <string.h>

static int plan_op(struct op *op, const struct call *call, const struct op_source *source,
                   struct error *err)
{
    const struct function_spec *spec = function_find(call->name);

    if (!spec || spec->requirement)
        return error_set(err, EXIT_MISMATCH, "Unknown function '%s'", call->name);
    if (spec->resource_only && !source->resource_name)
        return error_set(err, EXIT_MISMATCH, "%s only usable in on-resource", call->name);
    if (function_check(spec, call->argc, call->argv, false, err))
        return -1;
    op->type = op_find(call->name);
    if (op->type->needs_unsafe && !source->unsafe)
        return error_set(err, EXIT_MISMATCH, "%s requires --unsafe", call->name);
    op->argc = call->argc;
    const char **argv = memory_new((size_t)call->argc, sizeof *argv);
    memcpy(argv, call->argv, (size_t)call->argc * sizeof *argv);
    op->argv = argv;
    for (int i = 0; i < call->argc && i < 3; i++)
        if (number_parse(call->argv[i], &op->number[i]))
            op->number[i] = 0;
    return op->type->plan(op, source, err);
}

/* The data of a resource passes by once. */
static int plan_check_readers(const struct plan_handler *handler, const struct op_source *source,
                              struct error *err)
{
    int readers = 0;

    for (size_t i = 0; i < handler->count && source->resource_size; i++) {
        const char *name = handler->ops[i].type->name;
        if (function_find(name)->resource_only && readers++)
            return error_set(err, EXIT_MISMATCH,
                             "%s didn't write anything and was likely called twice in an "
                             "on-resource for '%s'. Try a \"cp\" function. Nothing was written.",
                             name, source->resource_name);
    }
    return 0;
}

static int plan_handler_make(struct plan_handler *handler, cfg_t *section,
                             const struct op_source *source, struct error *err)
{
    struct call call;
    unsigned at = 0;
    int more;

    handler->resource = source->resource_name;
    handler->section = section;
    while ((more = call_list_next(section, "funlist", &at, &call, err)) > 0) {
        handler->ops = memory_resize(handler->ops, (handler->count + 1) * sizeof *handler->ops);
        struct op *op = &handler->ops[handler->count++];
        *op = (struct op){0};
        if (plan_op(op, &call, source, err))
            return -1;
    }
    return more ? more : plan_check_readers(handler, source, err);
}

static uint64_t plan_units(const struct plan_handler *handler)
{
    uint64_t units = 0;

    for (size_t i = 0; i < handler->count; i++)
        units += handler->ops[i].units;
    return units;
}

static int plan_resources(struct plan *plan, const struct op_source *base, cfg_t *task,
                          struct error *err)
{
    cfg_t *cfg = base->cfg;

    plan->resource_count = cfg_size(task, "on-resource");
    plan->resources = memory_new(plan->resource_count, sizeof *plan->resources);
    for (unsigned i = 0; i < plan->resource_count; i++) {
        cfg_t *section = cfg_getnsec(task, "on-resource", i);
        cfg_t *resource = conf_section(cfg, "file-resource", cfg_title(section));
        if (!resource)
            return error_set(err, EXIT_MISMATCH,
                             "Resource '%s' used, but metadata is missing. Archive is corrupt.",
                             cfg_title(section));
        struct op_source source = {.cfg = cfg,
                                   .resource_name = cfg_title(section),
                                   .resource_size = firmware_resource_size(resource),
                                   .resource_span = firmware_resource_span(resource),
                                   .unsafe = base->unsafe};
        if (delta_source_check(section, err) ||
            plan_handler_make(&plan->resources[i], section, &source, err))
            return -1;
        plan->units += plan_units(&plan->resources[i]);
    }
    return 0;
}

int plan_make(struct plan *plan, cfg_t *cfg, cfg_t *task, bool unsafe, struct error *err)
{
    struct op_source source = {.cfg = cfg, .unsafe = unsafe};

    *plan = (struct plan){.title = cfg_title(task)};
    if (plan_handler_make(&plan->on_init, cfg_getsec(task, "on-init"), &source, err) ||
        plan_resources(plan, &source, task, err) ||
        plan_handler_make(&plan->on_finish, cfg_getsec(task, "on-finish"), &source, err) ||
        plan_handler_make(&plan->on_error, cfg_getsec(task, "on-error"), &source, err)) {
        plan_free(plan);
        return -1;
    }
    plan->units += plan_units(&plan->on_init) + plan_units(&plan->on_finish);
    return 0;
}

/* The h-th handler; NULL behind the last one. */
static const struct plan_handler *plan_handler_at(const struct plan *plan, size_t h)
{
    const struct plan_handler *const fixed[] = {&plan->on_init, &plan->on_finish, &plan->on_error};

    if (h < sizeof fixed / sizeof *fixed)
        return fixed[h];
    h -= sizeof fixed / sizeof *fixed;
    return h < plan->resource_count ? &plan->resources[h] : NULL;
}

int plan_each_range(const struct plan *plan,
                    int (*check)(const struct op *op, const struct block_range *range, void *data,
                                 struct error *err),
                    void *data, struct error *err)
{
    const struct plan_handler *handler;

    for (size_t h = 0; (handler = plan_handler_at(plan, h)); h++)
        for (size_t i = 0; i < handler->count; i++)
            for (int k = 0; k < handler->ops[i].ranges; k++)
                if (check(&handler->ops[i], &handler->ops[i].range[k], data, err))
                    return -1;
    return 0;
}

bool plan_has(const struct plan *plan, const struct op_type *type)
{
    const struct plan_handler *handler;

    for (size_t h = 0; (handler = plan_handler_at(plan, h)); h++)
        for (size_t i = 0; i < handler->count; i++)
            if (handler->ops[i].type == type)
                return true;
    return false;
}

static int plan_check_end(const struct op *op, const struct block_range *range, void *data,
                          struct error *err)
{
    const uint64_t *end = data;

    /* A trim may extend past the device. */
    if (op->type == &op_trim || (range->len <= *end && range->offset <= *end - range->len))
        return 0;
    return error_set(err, EXIT_MISMATCH,
                     "%s writes up to byte %llu, but the device ends at %llu; nothing was written",
                     op->type->name, (unsigned long long)(range->offset + range->len),
                     (unsigned long long)*end);
}

int plan_check(const struct plan *plan, const struct medium *medium, struct error *err)
{
    uint64_t end = medium->hard_end;

    return plan_each_range(plan, plan_check_end, &end, err);
}

struct plan_mounts {
    const struct disk_map *map;
    uint64_t device;
    bool all;
};

static int plan_check_mount(const struct op *op, const struct block_range *range, void *data,
                            struct error *err)
{
    const struct plan_mounts *mounts = data;
    struct disk_extent extent = {mounts->device, range->offset, range->len};
    char where[DISK_MAP_POINT_MAX];
    int found = disk_map_find_mount(mounts->map, &extent, mounts->all ? NULL : "/", where, err);

    if (found <= 0)
        return found;
    if (!strcmp(where, "/"))
        return error_set(err, EXIT_REFUSED,
                         "%s at byte %llu would write over the running root file system; nothing "
                         "was written. The firmware's tasks and this device disagree about which "
                         "slot runs",
                         op->type->name, (unsigned long long)range->offset);
    return error_set(
        err, EXIT_MISMATCH,
        "%s at byte %llu would write over what is mounted at %s, and the task requires "
        "an unmounted destination; nothing was written",
        op->type->name, (unsigned long long)range->offset, where);
}

int plan_check_mounts(const struct plan *plan, const struct medium *medium,
                      const struct disk_map *map, bool all_mounts, struct error *err)
{
    struct plan_mounts mounts = {.map = map, .device = medium->device, .all = all_mounts};

    if (!medium->is_device)
        return 0;
    return plan_each_range(plan, plan_check_mount, &mounts, err);
}

static void plan_handler_free(struct plan_handler *handler)
{
    for (size_t i = 0; i < handler->count; i++) {
        free((void *)handler->ops[i].argv);
        free(handler->ops[i].mbr);
        free(handler->ops[i].gpt);
        disk_cipher_free(handler->ops[i].cipher);
    }
    free(handler->ops);
}

void plan_free(struct plan *plan)
{
    plan_handler_free(&plan->on_init);
    plan_handler_free(&plan->on_finish);
    plan_handler_free(&plan->on_error);
    for (size_t i = 0; i < plan->resource_count; i++)
        plan_handler_free(&plan->resources[i]);
    free(plan->resources);
    *plan = (struct plan){0};
}

struct plan_handler *plan_find(struct plan *plan, const char *resource)
{
    for (size_t i = 0; i < plan->resource_count; i++)
        if (!strcmp(plan->resources[i].resource, resource))
            return &plan->resources[i];
    return NULL;
}
