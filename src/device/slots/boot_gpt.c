/* SPDX-License-Identifier: Apache-2.0 */
#include "device/slots/boot_gpt.h"

#include "base/buffer.h"
#include "base/bytes.h"
#include "base/memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MARK_MAX 60000

/* NUMBER=HEX, without the zeros at the end, and a comma. */
static void boot_gpt_mark_entry(struct buffer *mark, uint32_t n, const uint8_t *entry)
{
    size_t len = GPT_ENTRY_MIN;

    while (len && !entry[len - 1])
        len--;
    buffer_printf(mark, "%u=", n);
    for (size_t i = 0; i < len; i++)
        buffer_printf(mark, "%02x", entry[i]);
    buffer_add_text(mark, ",");
}

char *boot_gpt_mark(const struct gpt_disk *g)
{
    struct buffer mark = {0};

    buffer_add_text(&mark, BOOT_GPT_PREFIX);
    for (uint32_t n = 0; n < g->count; n++)
        if (gpt_entry_is_used(gpt_disk_entry(g, n)))
            boot_gpt_mark_entry(&mark, n, gpt_disk_entry(g, n));
    if (mark.len <= MARK_MAX)
        return mark.data;
    buffer_free(&mark);
    return memory_text("");
}

static int boot_gpt_digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* An entry as it was. */
struct boot_gpt_was {
    uint32_t n;
    uint8_t entry[GPT_ENTRY_MIN];
};

/* The next one of a mark; *at is where it goes on, and NULL if the mark is none. */
static bool boot_gpt_next(const struct gpt_disk *g, const char **at, struct boot_gpt_was *was)
{
    int used = 0, high, low;

    *was = (struct boot_gpt_was){0};
    if (!*at || !**at)
        return false;
    if (sscanf(*at, "%u=%n", &was->n, &used) != 1 || !used || was->n >= g->count)
        return *at = NULL, false;
    *at += used;
    for (size_t i = 0; i < GPT_ENTRY_MIN && (high = boot_gpt_digit((*at)[0])) >= 0 &&
                       (low = boot_gpt_digit((*at)[1])) >= 0;
         i++, *at += 2)
        was->entry[i] = (uint8_t)(high << 4 | low);
    if (**at != ',')
        return *at = NULL, false;
    (*at)++;
    return true;
}

static const char *boot_gpt_begin(const char *mark)
{
    size_t len = strlen(BOOT_GPT_PREFIX);

    return mark && !strncmp(mark, BOOT_GPT_PREFIX, len) ? mark + len : NULL;
}

bool boot_gpt_find(const struct gpt_disk *g, const char *mark, uint32_t n,
                   uint8_t entry[GPT_ENTRY_MIN])
{
    const char *at = boot_gpt_begin(mark);

    for (struct boot_gpt_was was; boot_gpt_next(g, &at, &was);)
        if (was.n == n) {
            memcpy(entry, was.entry, GPT_ENTRY_MIN);
            return true;
        }
    return false;
}

static bool boot_gpt_alike(const uint8_t *a, const uint8_t *b)
{
    return gpt_entry_is_used(a) && !memcmp(a + GPT_FIELD_TYPE, b + GPT_FIELD_TYPE, GPT_GUID_SIZE) &&
           gpt_entry_last(a) - gpt_entry_first(a) == gpt_entry_last(b) - gpt_entry_first(b) &&
           !gpt_entry_overlaps(a, b);
}

/* How many pairs are alike; flagged: of which one has the flag. */
static int boot_gpt_count_pairs(const struct gpt_disk *g, bool flagged, int *first, int *second)
{
    int pairs = 0;

    for (uint32_t i = 0; i < g->count; i++)
        for (uint32_t k = i + 1; k < g->count; k++) {
            const uint8_t *a = gpt_disk_entry(g, i), *b = gpt_disk_entry(g, k);
            bool one = (gpt_entry_attributes(a) ^ gpt_entry_attributes(b)) & GPT_LEGACY_BOOT;
            if (!boot_gpt_alike(a, b) || (flagged && !one))
                continue;
            *first = (int)i;
            *second = (int)k;
            pairs++;
        }
    return pairs;
}

void boot_gpt_find_slots(const struct gpt_disk *g, int *first, int *second)
{
    if (boot_gpt_count_pairs(g, false, first, second) != 1 &&
        boot_gpt_count_pairs(g, true, first, second) != 1)
        *first = -1;
}

static bool boot_gpt_is_elsewhere(const uint8_t *is, const uint8_t *was)
{
    return !gpt_entry_is_used(is) || gpt_entry_first(is) != gpt_entry_first(was);
}

bool boot_gpt_has_moved(const struct gpt_disk *g, const char *mark)
{
    const char *at = boot_gpt_begin(mark);

    for (struct boot_gpt_was was; boot_gpt_next(g, &at, &was);) {
        const uint8_t *is = gpt_disk_entry(g, was.n);
        if (boot_gpt_is_elsewhere(is, was.entry) ||
            (gpt_entry_attributes(is) ^ gpt_entry_attributes(was.entry)) & GPT_LEGACY_BOOT)
            return true;
    }
    return false;
}

/* What begins there now may be another entry, may have grown, and may have other attributes. */
static void boot_gpt_take_what_has_changed(const struct gpt_disk *now, uint8_t *entry)
{
    for (uint32_t n = 0; n < now->count; n++) {
        const uint8_t *is = gpt_disk_entry(now, n);
        if (!gpt_entry_is_used(is) || gpt_entry_first(is) != gpt_entry_first(entry))
            continue;
        bytes_put_le64(entry + GPT_FIELD_LAST, gpt_entry_last(is));
        gpt_entry_set_attributes(entry, gpt_entry_attributes(is));
    }
}

static void boot_gpt_restore_entry(struct gpt_disk *g, const struct gpt_disk *now,
                                   const struct boot_gpt_was *was)
{
    uint8_t *entry = gpt_disk_entry(g, was->n);

    if (boot_gpt_is_elsewhere(entry, was->entry)) {
        memcpy(entry, was->entry, GPT_ENTRY_MIN);
        boot_gpt_take_what_has_changed(now, entry);
    }
    gpt_entry_set_attributes(entry, (gpt_entry_attributes(entry) & ~GPT_LEGACY_BOOT) |
                                        (gpt_entry_attributes(was->entry) & GPT_LEGACY_BOOT));
}

/* Of a table from a disk, two entries may have overlapped before. */
static bool boot_gpt_overlaps_anew(const struct gpt_disk *g, const struct gpt_disk *now)
{
    for (uint32_t i = 0; i < g->count; i++)
        for (uint32_t k = i + 1; k < g->count; k++)
            if (gpt_entry_overlaps(gpt_disk_entry(g, i), gpt_disk_entry(g, k)) &&
                !gpt_entry_overlaps(gpt_disk_entry(now, i), gpt_disk_entry(now, k)))
                return true;
    return false;
}

int boot_gpt_restore(struct gpt_disk *g, const char *mark)
{
    const char *at = boot_gpt_begin(mark);
    struct gpt_disk now = *g;
    size_t len = (size_t)g->count * g->size;

    if (!at || !*at)
        return -1;
    now.entries = memory_new(g->count, g->size);
    memcpy(now.entries, g->entries, len);
    for (struct boot_gpt_was was; boot_gpt_next(g, &at, &was);)
        boot_gpt_restore_entry(g, &now, &was);
    int rc = at && !boot_gpt_overlaps_anew(g, &now) ? 0 : -1;
    free(now.entries);
    return rc;
}
