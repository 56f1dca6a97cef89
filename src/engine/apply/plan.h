/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The plan of a task: every operation with its ranges, resources and units of progress, made and
 * checked before the first write.
 */
#ifndef FWSSH_ENGINE_APPLY_PLAN_H
#define FWSSH_ENGINE_APPLY_PLAN_H

#include "base/disk_map.h"
#include "engine/apply/op.h"

struct plan_handler {
    const char *resource; /* NULL for on-init, on-finish, on-error */
    cfg_t *section;
    size_t count;
    struct op *ops;
    bool seen; /* its resource was found in the archive */
};

struct plan {
    const char *title; /* of the task; owned by the configuration */
    struct plan_handler on_init, on_finish, on_error;
    size_t resource_count;
    struct plan_handler *resources;
    uint64_t units; /* of on-init, resources and on-finish */
};

/*
 * Plans a task, without I/O. The configuration must outlive the plan; plan_free() frees it. Unknown
 * functions are an error, and so are, unless unsafe is set, those that run programs or write to
 * paths.
 */
int plan_make(struct plan *plan, cfg_t *cfg, cfg_t *task, bool unsafe, struct error *err);

/* Refuses a plan that writes past the hard end of the medium. */
int plan_check(const struct plan *plan, const struct medium *medium, struct error *err);

/*
 * Refuses a plan that would write over the mounted root file system, whatever else is known about
 * slots; all_mounts (require-unmounted-destination): over any mounted one.
 */
int plan_check_mounts(const struct plan *plan, const struct medium *medium,
                      const struct disk_map *map, bool all_mounts, struct error *err);

/* Calls check for every range that a task can write, until it fails. Returns what it returned. */
int plan_each_range(const struct plan *plan,
                    int (*check)(const struct op *op, const struct block_range *range, void *data,
                                 struct error *err),
                    void *data, struct error *err);

/*
 * plan_overlap.c: refuses a task whose parts destroy each other: a partition table, a U-Boot
 * environment, a FAT volume and, if it only cuts into a GPT or an environment, the data of a
 * resource. The second copy of a GPT has its place only on a medium, which is NULL at creation.
 */
int plan_check_overlaps(const struct plan *plan, const struct medium *medium, struct error *err);
void plan_free(struct plan *plan);

/* Whether the task has such a function anywhere. */
bool plan_has(const struct plan *plan, const struct op_type *type);

/* The handler of a resource, or NULL. */
struct plan_handler *plan_find(struct plan *plan, const char *resource);

#endif
