/*
 * Writes that decide what boots, kept until all else is safe: partition tables and U-Boot
 * environments. Each reaches the medium alone, with a flush before and behind it.
 */
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
    struct switch_write entry[SWITCH_LIST_MAX]; /* in the order in which they have to be written */
};

/*
 * Adds a write, or takes the place of an earlier one of the same range. What belongs to the same
 * group goes to the end with it and keeps its order: of two copies of an environment the one that
 * was not in force is written first, however often both have changed since. False if it is full.
 */
bool switch_list_put(struct switch_list *l, uint64_t group, uint64_t offset, const void *data,
                     size_t len);

/* Whether a range touches one of the list's. */
bool switch_list_overlaps(const struct switch_list *l, uint64_t offset, uint64_t len);

/* Whether that very range is there, or none that touches it. */
bool switch_list_fits(const struct switch_list *l, uint64_t offset, uint64_t len);

/* Puts the list's bytes over those that were read from that range. */
void switch_list_overlay(const struct switch_list *l, uint64_t offset, void *buf, size_t len);

void switch_list_clear(struct switch_list *l);

#endif
