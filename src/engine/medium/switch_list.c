/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/medium/switch_list.h"

#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

static bool switch_touches(const struct switch_write *w, uint64_t offset, uint64_t len)
{
    return w->offset < offset + len && offset < w->offset + w->len;
}

static bool switch_is(const struct switch_write *w, uint64_t offset, uint64_t len)
{
    return w->offset == offset && w->len == len;
}

static struct switch_write *switch_list_find(struct switch_list *l, uint64_t offset, size_t len)
{
    for (size_t i = 0; i < l->count; i++)
        if (switch_is(&l->entry[i], offset, len))
            return &l->entry[i];
    return NULL;
}

/* A stable partition: the other groups first. */
static void switch_list_move_to_end(struct switch_list *l, uint64_t group)
{
    struct switch_write moved[SWITCH_LIST_MAX];
    size_t kept = 0, moved_count = 0;

    for (size_t i = 0; i < l->count; i++) {
        if (l->entry[i].group == group)
            moved[moved_count++] = l->entry[i];
        else
            l->entry[kept++] = l->entry[i];
    }
    memcpy(l->entry + kept, moved, moved_count * sizeof *moved);
}

bool switch_list_put(struct switch_list *l, uint64_t group, uint64_t offset, const void *data,
                     size_t len)
{
    struct switch_write *w = switch_list_find(l, offset, len);

    if (!w && l->count == SWITCH_LIST_MAX)
        return false;
    if (!w) {
        w = &l->entry[l->count++];
        *w = (struct switch_write){
            .group = group, .offset = offset, .len = len, .data = memory_new(len, 1)};
    }
    memcpy(w->data, data, len);
    switch_list_move_to_end(l, group);
    return true;
}

bool switch_list_overlaps(const struct switch_list *l, uint64_t offset, uint64_t len)
{
    for (size_t i = 0; i < l->count; i++)
        if (switch_touches(&l->entry[i], offset, len))
            return true;
    return false;
}

bool switch_list_fits(const struct switch_list *l, uint64_t offset, uint64_t len)
{
    for (size_t i = 0; i < l->count; i++)
        if (switch_touches(&l->entry[i], offset, len))
            return switch_is(&l->entry[i], offset, len);
    return true;
}

void switch_list_overlay(const struct switch_list *l, uint64_t offset, void *buf, size_t len)
{
    for (size_t i = 0; i < l->count; i++) {
        const struct switch_write *w = &l->entry[i];
        if (!switch_touches(w, offset, len))
            continue;
        uint64_t start = w->offset > offset ? w->offset : offset;
        uint64_t end = w->offset + w->len < offset + len ? w->offset + w->len : offset + len;
        memcpy((uint8_t *)buf + (start - offset), w->data + (start - w->offset),
               (size_t)(end - start));
    }
}

void switch_list_clear(struct switch_list *l)
{
    for (size_t i = 0; i < l->count; i++)
        free(l->entry[i].data);
    l->count = 0;
}
