/* SPDX-License-Identifier: Apache-2.0 */
#include "host/adaptive/gap_list.h"

#include "base/memory.h"

#include <stdlib.h>

#define GAP_LIST_FIRST 64

void gap_list_add(struct gap_list *l, uint64_t at, uint64_t len, bool known)
{
    struct gap *last = l->count ? &l->item[l->count - 1] : NULL;

    l->bytes += len;
    l->unknown += known ? 0 : len;
    if (last && last->known == known && last->at + last->len == at) {
        last->len += len;
        return;
    }
    if (l->count == l->room) {
        l->room = l->room ? l->room * 2 : GAP_LIST_FIRST;
        l->item = memory_resize(l->item, l->room * sizeof *l->item);
    }
    l->item[l->count++] = (struct gap){.at = at, .len = len, .known = known};
}

void gap_list_free(struct gap_list *l)
{
    free(l->item);
    *l = (struct gap_list){0};
}
