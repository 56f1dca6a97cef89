/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/apply/requirement.h"

#include "base/disk_map.h"
#include "base/number.h"
#include "engine/apply/call_list.h"
#include "engine/apply/mbr.h"
#include "engine/apply/op.h"
#include "engine/apply/op_shell.h"
#include "engine/apply/uboot_env.h"
#include "engine/archive/conf_section.h"
#include "engine/fat/fat_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define PATTERN_MAX 4096u

static bool requirement_partition_offset(const struct requirement_context *c,
                                         const char *const *argv)
{
    uint8_t block[MBR_SIZE];
    uint64_t n, wanted;
    struct mbr_entry entry;
    struct error ignored;

    return !number_parse(argv[0], &n) && n < MBR_PRIMARIES && !number_parse(argv[1], &wanted) &&
           !block_cache_read(c->cache, 0, block, sizeof block, &ignored) &&
           mbr_entry_read(block, (int)n, &entry) && entry.start == wanted;
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

static bool requirement_mount(const struct requirement_context *c, const char *block,
                              struct fat_volume *v)
{
    struct block_range range;
    struct error ignored;
    uint64_t offset;

    return !number_parse(block, &offset) && !block_range_set(&range, offset, 1, &ignored) &&
           !fat_volume_mount(v, c->cache, range.offset, &ignored);
}

static bool requirement_fat_file_exists(const struct requirement_context *c,
                                        const char *const *argv)
{
    struct fat_volume v;
    struct fat_extent *extents;
    struct error ignored;
    size_t count;

    if (!requirement_mount(c, argv[0], &v) ||
        fat_file_extents(&v, argv[1], &extents, &count, &ignored))
        return false;
    free(extents);
    return true;
}

/* Finds a pattern across the boundaries of pieces by keeping the last bytes. */
struct requirement_match {
    const char *pattern;
    size_t len, held;
    char kept[PATTERN_MAX * 2];
};

static int requirement_match_take(void *data, const uint8_t *bytes, size_t len, struct error *err)
{
    struct requirement_match *m = data;

    (void)err;
    while (len) {
        size_t n = sizeof m->kept - m->held < len ? sizeof m->kept - m->held : len;
        memcpy(m->kept + m->held, bytes, n);
        m->held += n;
        bytes += n;
        len -= n;
        if (memmem(m->kept, m->held, m->pattern, m->len))
            return 1;
        size_t keep = m->held < m->len ? m->held : m->len - 1;
        memmove(m->kept, m->kept + m->held - keep, keep);
        m->held = keep;
    }
    return 0;
}

static bool requirement_fat_file_match(const struct requirement_context *c, const char *const *argv)
{
    struct requirement_match m = {.pattern = argv[2], .len = strlen(argv[2])};
    struct fat_volume v;
    struct error ignored;

    if (m.len == 0)
        return requirement_fat_file_exists(c, argv);
    return m.len < PATTERN_MAX && requirement_mount(c, argv[0], &v) &&
           fat_file_read(&v, argv[1], requirement_match_take, &m, &ignored) > 0;
}

static bool requirement_path_on_device(const struct requirement_context *c, const char *const *argv)
{
    struct stat path, device;

    (void)c;
    return !stat(argv[0], &path) && !stat(argv[1], &device) && S_ISBLK(device.st_mode) &&
           disk_map_is_made_from(&disk_map_system, path.st_dev, device.st_rdev);
}

static bool requirement_path_at_offset(const struct requirement_context *c, const char *const *argv)
{
    uint64_t wanted, start;
    struct stat path;

    (void)c;
    return !number_parse(argv[1], &wanted) && !stat(argv[0], &path) &&
           !disk_map_start(&disk_map_system, path.st_dev, &start) && start == wanted;
}

static bool requirement_execute(const struct requirement_context *c, const char *const *argv)
{
    struct error ignored;

    return c->unsafe && argv[0][0] && !op_shell_run(argv[0], c->report->framing, &ignored);
}

static const struct {
    const char *name;
    bool (*is_met)(const struct requirement_context *c, const char *const *argv);
} requirements[] = {
    {"require-partition-offset", requirement_partition_offset},
    {"require-fat-file-exists", requirement_fat_file_exists},
    {"require-fat-file-match", requirement_fat_file_match},
    {"require-uboot-variable", requirement_uboot_variable},
    {"require-path-on-device", requirement_path_on_device},
    {"require-path-at-offset", requirement_path_at_offset},
    {"require-execute", requirement_execute},
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

static bool requirement_task_fits(const struct requirement_context *c, cfg_t *task)
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
        if (more > 0 && c->report->verbose)
            requirement_tell(c->report, &call, met);
        if (!met)
            return false;
    }
}

cfg_t *requirement_choose_task(const struct requirement_context *c, const char *name,
                               struct error *err)
{
    for (unsigned i = 0; i < cfg_size(c->cfg, "task"); i++) {
        cfg_t *task = cfg_getnsec(c->cfg, "task", i);
        size_t len = strlen(name) + (c->exact ? 1 : 0);
        if (!strncmp(cfg_title(task), name, len) && requirement_task_fits(c, task))
            return task;
    }
    const struct error *read_error = block_cache_read_error(c->cache);
    if (read_error) {
        *err = *read_error;
        error_prefix(err, "cannot determine which task '%s' applies", name);
        return NULL;
    }
    error_set(
        err, EXIT_MISMATCH,
        "Couldn't find applicable task '%s'. If task is available, the task's requirements may "
        "not be met.",
        name);
    return NULL;
}
