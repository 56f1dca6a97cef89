#include "apply/requirement.h"

#include "apply/call_list.h"
#include "apply/mbr.h"
#include "apply/uboot_env.h"
#include "archive/conf_section.h"
#include "base/number.h"

#include <stdio.h>
#include <string.h>

struct requirement_context {
    cfg_t *cfg;
    struct block_cache *cache;
};

static bool requirement_partition_offset(const struct requirement_context *c,
                                         const char *const *argv)
{
    uint8_t block[MBR_SIZE];
    uint64_t n, wanted;
    uint32_t offset;
    struct error ignored;

    return !number_parse(argv[0], &n) && n < MBR_PRIMARIES && !number_parse(argv[1], &wanted) &&
           !block_cache_read(c->cache, 0, block, sizeof block, &ignored) &&
           !mbr_partition_offset(block, (int)n, &offset) && offset == wanted;
}

static bool requirement_uboot_variable(const struct requirement_context *c, const char *const *argv)
{
    cfg_t *section = conf_section(c->cfg, "uboot-environment", argv[0]);
    struct uboot_table table;
    struct uboot_env env;
    struct error ignored;

    if (!section || uboot_table_read(section, &table, &ignored) ||
        uboot_env_read(&env, &table, c->cache, &ignored))
        return false;
    const char *value = uboot_env_get(&env, argv[1]);
    bool met = value && !strcmp(value, argv[2]);
    uboot_env_free(&env);
    return met;
}

static const struct {
    const char *name;
    bool (*is_met)(const struct requirement_context *c, const char *const *argv);
} requirements[] = {
    {"require-partition-offset", requirement_partition_offset},
    {"require-uboot-variable", requirement_uboot_variable},
};

static bool requirement_is_met(const struct requirement_context *c, const struct call *call)
{
    const struct function_spec *spec = function_find(call->name);
    struct error ignored;

    if (!spec || function_check(spec, call->argc, call->argv, false, &ignored))
        return false;
    for (size_t i = 0; i < sizeof requirements / sizeof *requirements; i++)
        if (!strcmp(requirements[i].name, call->name))
            return requirements[i].is_met(c, call->argv);
    return false;
}

static void requirement_tell(struct report *report, const struct call *call, bool met)
{
    char text[512];
    size_t used = 0;

    text[0] = '\0';
    for (int i = 0; i < call->argc && used < sizeof text; i++)
        used +=
            (size_t)snprintf(text + used, sizeof text - used, "%s%s", i ? ", " : "", call->argv[i]);
    report_info(report, "%s(%s) -> %s", call->name, text, met ? "met" : "not met");
}

static bool requirement_task_fits(const struct requirement_context *c, cfg_t *task,
                                  struct report *report)
{
    long old = cfg_getint(task, "require-partition1-offset");
    struct call call;
    struct error ignored;
    unsigned at = 0;

    if (old >= 0) {
        char text[32];
        const char *const argv[] = {"1", text};
        snprintf(text, sizeof text, "%ld", old);
        if (!requirement_partition_offset(c, argv))
            return false;
    }
    for (;;) {
        int more = call_list_next(task, "reqlist", &at, &call, &ignored);
        if (more == 0)
            return true;
        bool met = more > 0 && requirement_is_met(c, &call);
        if (more > 0 && report->verbose)
            requirement_tell(report, &call, met);
        if (!met)
            return false;
    }
}

cfg_t *requirement_choose_task(cfg_t *cfg, const char *name, struct block_cache *cache,
                               struct report *report, struct error *err)
{
    struct requirement_context context = {.cfg = cfg, .cache = cache};

    for (unsigned i = 0; i < cfg_size(cfg, "task"); i++) {
        cfg_t *task = cfg_getnsec(cfg, "task", i);
        if (!strncmp(cfg_title(task), name, strlen(name)) &&
            requirement_task_fits(&context, task, report))
            return task;
    }
    error_set(
        err, EXIT_MISMATCH,
        "Couldn't find applicable task '%s'. If task is available, the task's requirements may "
        "not be met.",
        name);
    return NULL;
}
