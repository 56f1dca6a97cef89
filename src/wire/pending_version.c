/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/pending_version.h"

#include <stdio.h>
#include <string.h>

static const char none[] = "-";

void pending_version_drop(struct pending_versions *list, size_t index)
{
    list->count--;
    memmove(&list->item[index], &list->item[index + 1], (list->count - index) * sizeof *list->item);
}

void pending_version_add(struct pending_versions *list, const char *version, const char *uuid,
                         const char *boot_id)
{
    for (size_t i = 0; i < list->count; i++)
        if (!strcmp(list->item[i].uuid, uuid))
            pending_version_drop(list, i--);
    if (list->count == PENDING_VERSION_LINES)
        list->count--;
    memmove(&list->item[1], &list->item[0], list->count++ * sizeof *list->item);
    struct pending_version *p = &list->item[0];
    *p = (struct pending_version){0};
    snprintf(p->version, sizeof p->version, "%s", version && *version ? version : none);
    snprintf(p->uuid, sizeof p->uuid, "%s", uuid);
    snprintf(p->boot_id, sizeof p->boot_id, "%s", boot_id);
}

/* A word of visible characters that fits, and the character after it. */
static const char *pending_version_word(const char *at, const char *end, char *word, size_t size)
{
    size_t n = 0;

    while (at + n < end && at[n] > ' ' && at[n] < 0x7f)
        n++;
    if (!n || n >= size || at + n == end)
        return NULL;
    memcpy(word, at, n);
    word[n] = '\0';
    return at + n;
}

static const char *pending_version_line(const char *at, const char *end, struct pending_version *p)
{
    if (!(at = pending_version_word(at, end, p->version, sizeof p->version)) || *at++ != ' ' ||
        !(at = pending_version_word(at, end, p->uuid, sizeof p->uuid)) || *at++ != ' ' ||
        !(at = pending_version_word(at, end, p->boot_id, sizeof p->boot_id)) || *at++ != '\n')
        return NULL;
    return !strcmp(p->version, none) || version_is_valid(p->version) ? at : NULL;
}

int pending_version_parse(const char *text, size_t len, struct pending_versions *list)
{
    const char *at = text, *end = text;

    *list = (struct pending_versions){0};
    if (!len)
        return -1;
    end += len;
    while (at && at < end && list->count < PENDING_VERSION_LINES)
        at = pending_version_line(at, end, &list->item[list->count++]);
    if (at == end)
        return 0;
    list->count = 0;
    return -1;
}

void pending_version_print(const struct pending_versions *list, struct buffer *out)
{
    for (size_t i = 0; i < list->count; i++)
        buffer_printf(out, "%s %s %s\n", list->item[i].version, list->item[i].uuid,
                      list->item[i].boot_id);
}
