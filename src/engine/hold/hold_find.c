/* SPDX-License-Identifier: Apache-2.0 */
/* Finds the sources that a firmware names (hold_source.h). */
#include "base/memory.h"
#include "engine/apply/plan.h"
#include "engine/apply/requirement.h"
#include "engine/hold/hold_medium.h"
#include "engine/hold/hold_source.h"

#include <stdlib.h>
#include <string.h>

#define FIND_PLANS_MAX 64
/* A slot may hold a firmware that is larger than the new one. */
#define FIND_MORE (1u << 20)
#define FIND_MORE_PART 16
#define FIND_VOLUME_MAX (1ull << 30)

struct find {
    struct hold_sources *sources;
    struct hold_medium medium;
    struct block_cache *cache;
    struct plan plan[FIND_PLANS_MAX];
    size_t plans;
    const char *resource;      /* the one that is being looked at */
    const struct plan *chosen; /* NULL: no task fits */
};

static bool find_is_file(const struct op *op)
{
    return op->type == &op_fat_write && op->argc > 1;
}

/* What a plan writes of resources: calls take for each such operation. */
static void find_each(struct find *f, const struct plan *plan,
                      void (*take)(struct find *f, const struct op *op))
{
    for (size_t r = 0; r < plan->resource_count; r++) {
        f->resource = plan->resources[r].resource;
        for (size_t i = 0; i < plan->resources[r].count; i++) {
            const struct op *op = &plan->resources[r].ops[i];
            if (op->type == &op_raw_write || find_is_file(op))
                take(f, op);
        }
    }
}

static bool find_same(const struct op *a, const struct op *b)
{
    return a->type == b->type && a->range[0].offset == b->range[0].offset &&
           (!find_is_file(a) || !strcmp(a->argv[1], b->argv[1]));
}

static bool find_is_written_by(const struct plan *plan, const struct op *op)
{
    for (size_t r = 0; plan && r < plan->resource_count; r++)
        for (size_t i = 0; i < plan->resources[r].count; i++)
            if (find_same(&plan->resources[r].ops[i], op))
                return true;
    return false;
}

/* Takes over extents and cipher. */
static void find_add(struct find *f, struct fat_extent *extent, size_t extents,
                     struct disk_cipher *cipher)
{
    struct hold_sources *s = f->sources;
    struct hold_source new = {.place = s->places,
                              .fd = s->device,
                              .extent = extent,
                              .extents = extents,
                              .cipher = cipher};

    for (size_t i = 0; i < extents; i++)
        new.len += extent[i].len;
    bool known = false;
    for (size_t i = 1; i < s->count && !known; i++)
        known = s->source[i].fd == s->device && s->source[i].extent[0].offset == extent[0].offset;
    if (known || !new.len || s->count == HOLD_SOURCES_MAX ||
        new.len > CHUNK_PLACE_MAX - s->places) {
        free(extent);
        disk_cipher_free(cipher);
        return;
    }
    new.resource = memory_text(f->resource);
    s->source[s->count++] = new;
    s->places += new.len;
}

static void find_add_range(struct find *f, uint64_t offset, uint64_t len,
                           struct disk_cipher *cipher)
{
    uint64_t end = f->medium.medium.size;
    struct fat_extent *extent = memory_new(1, sizeof *extent);

    if (end < offset)
        len = 0;
    else if (len > end - offset)
        len = end - offset;
    *extent = (struct fat_extent){.offset = offset, .len = len};
    if (len) {
        find_add(f, extent, 1, cipher);
        return;
    }
    free(extent);
    disk_cipher_free(cipher);
}

/* The first byte after offset that any task writes. */
static uint64_t find_next(const struct find *f, uint64_t offset)
{
    uint64_t next = UINT64_MAX;

    for (size_t p = 0; p < f->plans; p++)
        for (size_t r = 0; r < f->plan[p].resource_count; r++)
            for (size_t i = 0; i < f->plan[p].resources[r].count; i++) {
                const struct op *op = &f->plan[p].resources[r].ops[i];
                if (op->ranges && op->range[0].offset > offset && op->range[0].offset < next)
                    next = op->range[0].offset;
            }
    return next;
}

static void find_take_range(struct find *f, const struct op *op)
{
    uint64_t offset = op->range[0].offset, next = find_next(f, offset);
    uint64_t len = op->range[0].len + op->range[0].len / FIND_MORE_PART + FIND_MORE;
    struct disk_cipher *cipher = NULL;
    struct error ignored;

    if (op->argc > 1 && !(cipher = disk_cipher_new(op->argc - 1, op->argv + 1, &ignored)))
        return;
    find_add_range(f, offset, len < next - offset ? len : next - offset, cipher);
}

static void find_take_file(struct find *f, const struct op *op)
{
    struct fat_extent *extent;
    struct fat_volume v;
    struct error ignored;
    size_t extents;

    if (fat_volume_mount(&v, f->cache, op->range[0].offset, &ignored) ||
        fat_file_extents(&v, op->argv[1], &extent, &extents, &ignored))
        return;
    if (extents)
        find_add(f, extent, extents, NULL);
    else
        free(extent);
}

static void find_take_other(struct find *f, const struct op *op)
{
    if (find_is_written_by(f->chosen, op))
        return;
    if (find_is_file(op))
        find_take_file(f, op);
    else
        find_take_range(f, op);
}

/* Of a volume that an earlier attempt has written to: its clusters are there, even if the
 * directory does not know the file yet. */
static void find_take_volume(struct find *f, const struct op *op)
{
    struct fat_volume v;
    struct error ignored;

    if (fat_volume_mount(&v, f->cache, op->range[0].offset, &ignored))
        return;
    uint64_t len = (uint64_t)v.clusters * v.cluster_sectors * BLOCK_SIZE;
    find_add_range(f, v.offset + (uint64_t)v.data_start * BLOCK_SIZE,
                   len < FIND_VOLUME_MAX ? len : FIND_VOLUME_MAX, NULL);
}

static void find_take_written(struct find *f, const struct op *op)
{
    if (find_is_file(op))
        find_take_volume(f, op);
    else
        find_take_range(f, op);
}

static void find_plan(struct find *f, cfg_t *cfg, const cfg_t *chosen)
{
    struct error ignored;

    for (unsigned i = 0; i < cfg_size(cfg, "task") && f->plans < FIND_PLANS_MAX; i++) {
        cfg_t *task = cfg_getnsec(cfg, "task", i);
        if (plan_make(&f->plan[f->plans], cfg, task, true, &ignored))
            continue;
        if (task == chosen)
            f->chosen = &f->plan[f->plans];
        f->plans++;
    }
}

static cfg_t *find_choose(struct find *f, cfg_t *cfg, const char *task)
{
    struct report report = {0};
    struct requirement_context context = {.cfg = cfg, .cache = f->cache, .report = &report};
    struct error ignored;

    return requirement_choose_task(&context, task, &ignored);
}

void hold_sources_find(struct hold_sources *s, const struct firmware *fw, const char *task)
{
    struct find *f = memory_new(1, sizeof *f);

    f->sources = s;
    hold_medium_init(&f->medium, s->device);
    f->cache = block_cache_new(&f->medium.medium, &(struct block_cache_options){0});
    find_plan(f, fw->cfg, find_choose(f, fw->cfg, task));
    for (size_t i = 0; i < f->plans; i++)
        if (&f->plan[i] != f->chosen)
            find_each(f, &f->plan[i], find_take_other);
    s->first = s->count;
    if (f->chosen)
        find_each(f, f->chosen, find_take_written);
    for (size_t i = 0; i < f->plans; i++)
        plan_free(&f->plan[i]);
    block_cache_free(f->cache);
    free(f);
}
