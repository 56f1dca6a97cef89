/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Slots by attributes of a GPT, as ChromeOS and systems like it have them: of several partitions of
 * one type, the one with the highest priority boots that is successful or has tries left; the boot
 * loader takes one of the tries each time. A slot's letter is in the partition's name (KERN-A,
 * USR-B), or else the one that lies first is "a".
 */
#include "base/memory.h"
#include "device/slots/nerves_vars.h"
#include "device/slots/slot_driver.h"
#include "device/slots/slot_words.h"
#include "wire/slot_facts.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define SLOTS_MAX 8
#define PRIORITY_MAX 15

/* Where they are among the attributes. */
enum {
    SHIFT_PRIORITY = 48,
    SHIFT_TRIES = 52,
    SHIFT_SUCCESSFUL = 56,
};

/* ChromeOS's kernels; /usr of CoreOS and what comes from it. */
static const uint8_t types[][GPT_GUID_SIZE] = {
    {0x5d, 0x2a, 0x3a, 0xfe, 0x32, 0x4f, 0xa7, 0x41, 0xb7, 0x25, 0xac, 0xcc, 0x32, 0x85, 0xa3,
     0x09},
    {0xf4, 0xf5, 0xfb, 0x5d, 0x48, 0x28, 0xac, 0x4b, 0xaa, 0x5e, 0x0d, 0x9a, 0x20, 0xb7, 0x45,
     0xa6},
};

struct priority_slot {
    uint8_t *entry;
    char name[2];
    unsigned priority, tries;
    bool successful;
};

struct priority_slots {
    struct priority_slot slot[SLOTS_MAX];
    int count;
};

static unsigned priority_field(const uint8_t *entry, int shift)
{
    return (unsigned)(gpt_entry_attributes(entry) >> shift & 15);
}

static void priority_set_field(struct priority_slot *s, int shift, unsigned value)
{
    uint64_t others = gpt_entry_attributes(s->entry) & ~(15ull << shift);

    gpt_entry_set_attributes(s->entry, others | (uint64_t)value << shift);
}

static bool priority_is_successful(const uint8_t *entry)
{
    return gpt_entry_attributes(entry) >> SHIFT_SUCCESSFUL & 1;
}

static void priority_set_successful(struct priority_slot *s)
{
    gpt_entry_set_attributes(s->entry, gpt_entry_attributes(s->entry) | 1ull << SHIFT_SUCCESSFUL);
    priority_set_field(s, SHIFT_TRIES, 0);
}

static void priority_add(struct priority_slots *slots, uint8_t *entry)
{
    char name[GPT_NAME_MAX];

    if (slots->count == SLOTS_MAX)
        return;
    struct priority_slot *s = &slots->slot[slots->count++];
    gpt_entry_name(entry, name);
    *s = (struct priority_slot){.entry = entry,
                                .name = {slot_words_letter(name)},
                                .priority = priority_field(entry, SHIFT_PRIORITY),
                                .tries = priority_field(entry, SHIFT_TRIES),
                                .successful = priority_is_successful(entry)};
}

static bool priority_has_letters(const struct priority_slots *slots)
{
    for (int i = 0; i < slots->count; i++)
        for (int k = 0; k <= i; k++)
            if (k < i ? slots->slot[i].name[0] == slots->slot[k].name[0] : !slots->slot[i].name[0])
                return false;
    return true;
}

static void priority_name_by_place(struct priority_slots *slots)
{
    for (int i = 0; i < slots->count; i++) {
        char letter = 'a';
        for (int k = 0; k < slots->count; k++)
            letter = (char)(letter + (gpt_entry_first(slots->slot[k].entry) <
                                      gpt_entry_first(slots->slot[i].entry)));
        slots->slot[i].name[0] = letter;
    }
}

/* False if there are no two partitions of such a type with a priority. */
static bool priority_find(const struct slot_view *v, struct priority_slots *slots)
{
    const struct gpt_disk *disk = &v->table.disk;
    bool any = false;

    *slots = (struct priority_slots){0};
    if (!v->has_table || !disk->entries)
        return false;
    for (size_t type = 0; type < sizeof types / sizeof *types && slots->count < 2; type++) {
        slots->count = 0;
        for (uint32_t n = 0; n < disk->count; n++)
            if (!memcmp(gpt_disk_entry(disk, n), types[type], GPT_GUID_SIZE))
                priority_add(slots, gpt_disk_entry(disk, n));
    }
    if (!priority_has_letters(slots))
        priority_name_by_place(slots);
    for (int i = 0; i < slots->count; i++)
        any = any || slots->slot[i].priority;
    return slots->count >= 2 && any;
}

static bool priority_boots(const struct priority_slot *s)
{
    return s->priority && (s->successful || s->tries);
}

/* The one that boots, but not that one; NULL if none does. */
static struct priority_slot *priority_choose(struct priority_slots *slots, const char *but)
{
    struct priority_slot *best = NULL;

    for (int i = 0; i < slots->count; i++) {
        struct priority_slot *s = &slots->slot[i];
        if (priority_boots(s) && strcmp(s->name, but) != 0 &&
            (!best || s->priority > best->priority))
            best = s;
    }
    return best;
}

static struct priority_slot *priority_named(struct priority_slots *slots, const char *name)
{
    for (int i = 0; i < slots->count; i++)
        if (!strcmp(slots->slot[i].name, name))
            return &slots->slot[i];
    return NULL;
}

static bool slot_priority_is_there(const struct slot_view *v)
{
    struct priority_slots slots;

    return priority_find(v, &slots);
}

static void slot_priority_settle(struct slot_view *v, struct priority_slots *slots)
{
    const struct priority_slot *next = priority_choose(slots, "");
    char names[2 * SLOTS_MAX + 1] = "";

    for (int i = 0; i < slots->count; i++) {
        names[2 * i] = slots->slot[i].name[0];
        names[2 * i + 1] = ' ';
    }
    /* What boots has lost a try, which may have been its last one. */
    slot_view_settle(v, &(struct slot_said){.running = "",
                                            .next = next ? next->name : "",
                                            .names = names,
                                            .moves_at_boot = true});
}

static int slot_priority_read(struct slot_view *v, struct error *err)
{
    struct priority_slots slots;

    if (!priority_find(v, &slots))
        return error_set(err, EXIT_FAILED,
                         "the device has no GPT with partitions whose priorities decide what "
                         "boots, as slot-driver = \"%s\" needs them",
                         v->config->slot_driver);
    slot_priority_settle(v, &slots);
    nerves_vars_describe_beside(v->config, v->facts);
    const struct priority_slot *active = priority_named(&slots, facts_get(v->facts, "active"));
    const struct priority_slot *next = priority_named(&slots, facts_get(v->facts, "next"));
    facts_set(v->facts, "confirmed", !active ? "unknown" : active->successful ? "yes" : "no");
    if (active && !active->successful) {
        facts_printf(v->facts, "tries-left", "%u", active->tries);
        /* It has run out of tries, and would come first. */
        if (next && next != active && active->priority >= next->priority)
            facts_set(v->facts, "pending", "fallback");
    }
    return 0;
}

static int slot_priority_confirm(struct slot_view *v, struct error *err)
{
    struct priority_slots slots;
    struct priority_slot *active =
        priority_find(v, &slots) ? priority_named(&slots, facts_get(v->facts, "active")) : NULL;

    if (!active)
        return slot_words_refuse(err);
    priority_set_successful(active);
    return boot_table_write(&v->table, v->device, err);
}

/* The number of other slots whose priority is lower, each value counted once: the same order in
 * fewer numbers. */
static unsigned priority_rank(const struct priority_slots *slots, const struct priority_slot *s)
{
    unsigned rank = 0;

    for (unsigned priority = 1; priority <= PRIORITY_MAX; priority++) {
        bool there = false;
        for (int i = 0; i < slots->count; i++)
            there = there || slots->slot[i].priority == priority;
        rank += there && priority <= s->priority;
    }
    return rank;
}

/* The others keep their order among themselves. */
static void priority_raise(struct priority_slots *slots, struct priority_slot *target)
{
    unsigned highest = 0;

    for (int i = 0; i < slots->count; i++) {
        struct priority_slot *s = &slots->slot[i];
        unsigned rank = priority_rank(slots, s);
        priority_set_field(s, SHIFT_PRIORITY, rank);
        highest = rank > highest && s != target ? rank : highest;
    }
    priority_set_field(target, SHIFT_PRIORITY, highest + 1);
    if (!target->successful && !target->tries)
        priority_set_field(target, SHIFT_TRIES, 1);
}

static int slot_priority_revert(struct slot_view *v, const char *reason, struct error *err)
{
    bool is_new = slot_facts_state(v->facts) == SLOT_PENDING;
    const char *active = facts_get(v->facts, "active");
    struct priority_slots slots;

    if (v->table_moved && slot_view_put_table_back(v, err))
        return -1;
    if (!*active || !priority_find(v, &slots))
        return slot_words_refuse(err);
    struct priority_slot *target =
        is_new ? priority_named(&slots, active) : priority_choose(&slots, active);
    if (!target)
        return error_set(err, EXIT_REFUSED,
                         "no other slot that would boot: none is marked as successful or has "
                         "tries left");
    priority_raise(&slots, target);
    /* The table comes last: it is what decides. */
    return nerves_vars_note_beside(v->config, target->name, reason, err) ||
                   boot_table_write(&v->table, v->device, err)
               ? -1
               : 0;
}

const struct slot_driver slot_priority = {
    .name = "gpt-priority",
    .has_notes = true,
    .reads_notes = true,
    .is_there = slot_priority_is_there,
    .read = slot_priority_read,
    .confirm = slot_priority_confirm,
    .revert = slot_priority_revert,
};
