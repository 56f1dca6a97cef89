/* SPDX-License-Identifier: Apache-2.0 */
/* The requirements of tasks (docs/fw-format.md, "Requirements"). */
#ifndef FWSSH_ENGINE_APPLY_REQUIREMENT_H
#define FWSSH_ENGINE_APPLY_REQUIREMENT_H

#include "engine/apply/report.h"
#include "engine/medium/block_cache.h"

#include <confuse.h>

/* What requirements are checked against. */
struct requirement_context {
    cfg_t *cfg;
    struct block_cache *cache;
    struct report *report;
    bool unsafe; /* they may run programs */
    bool exact;  /* the name is the whole title */
};

/* The first task whose title starts with name and whose requirements are all met; NULL with the
 * error set if there is none. An error inside a requirement counts as unmet. */
cfg_t *requirement_choose_task(const struct requirement_context *c, const char *name,
                               struct error *err);

#endif
