/* SPDX-License-Identifier: Apache-2.0 */
/* Boot switches, which decide what boots (partition tables, U-Boot environments), held back until
 * everything else is safe. Each reaches the medium alone, with a flush before and after it. */
#ifndef FWSSH_ENGINE_MEDIUM_SWITCH_LIST_H
#define FWSSH_ENGINE_MEDIUM_SWITCH_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SWITCH_LIST_MAX 16

struct switch_write {
    uint64_t group, offset;
    size_t len;
    uint8_t *data; /* owned */
};

struct switch_list {
    size_t count;
    struct switch_write entry[SWITCH_LIST_MAX]; /* in the order of writing */
};

/*
 * Adds a write, or replaces an earlier one of the same range. Its whole group moves to the end, in
 * the same order: of two copies of an environment, the inactive one is written first, however often
 * both have changed since. False if the list is full.
 */
bool switch_list_put(struct switch_list *l, uint64_t group, uint64_t offset, const void *data,
                     size_t len);

/* Whether a range overlaps one in the list. */
bool switch_list_overlaps(const struct switch_list *l, uint64_t offset, uint64_t len);

/* Whether the list has exactly this range, or none that overlaps it. */
bool switch_list_fits(const struct switch_list *l, uint64_t offset, uint64_t len);

/* Replaces bytes that were read from a range by those of the list. */
void switch_list_overlay(const struct switch_list *l, uint64_t offset, void *buf, size_t len);

void switch_list_clear(struct switch_list *l);

#endif
