/* SPDX-License-Identifier: Apache-2.0 */
/* Which parts of the medium were written: ranges in ascending order that neither touch nor overlap.
 * A list that grows too long includes the gaps between ranges that are close to each other. */
#ifndef FWSSH_ENGINE_MEDIUM_EXTENT_LIST_H
#define FWSSH_ENGINE_MEDIUM_EXTENT_LIST_H

#include "engine/medium/block_range.h"

#include <stddef.h>

#define EXTENT_LIST_MAX 8192

/* All zero: an empty list. */
struct extent_list {
    size_t count;
    uint64_t gap;             /* bytes: ranges so close to each other are joined */
    struct block_range *item; /* owned */
};

void extent_list_add(struct extent_list *l, uint64_t offset, uint64_t len);
void extent_list_free(struct extent_list *l);

#endif
