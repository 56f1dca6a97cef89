/* SPDX-License-Identifier: Apache-2.0 */
/* What the device lacks of a stream: ranges in order. */
#ifndef FWSSH_HOST_ADAPTIVE_GAP_LIST_H
#define FWSSH_HOST_ADAPTIVE_GAP_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct gap {
    uint64_t at, len;
    bool known; /* what it replaces is in a base that the device holds: no question is needed */
};

struct gap_list {
    struct gap *item; /* owned */
    size_t count, room;
    uint64_t bytes, unknown; /* in all; of them, those that are not known */
};

/* Adds a range, which continues the last one if it can. */
void gap_list_add(struct gap_list *l, uint64_t at, uint64_t len, bool known);
void gap_list_free(struct gap_list *l);

#endif
