/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Boot entries of systemd-boot, with tries counted in their file names (loader_entry.h): a slot is
 * an entry. What runs is known for certain. What boots next is known only if an EFI variable names
 * it, or the tries have run out: otherwise it is a matter of the boot loader's own order. So these
 * are facts to read; which entry is the default is changed by bootctl.
 */
#include "base/buffer.h"
#include "base/memory.h"
#include "device/slots/loader_entry.h"
#include "device/slots/slot_driver.h"
#include "device/slots/slot_words.h"
#include "wire/slot_facts.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* The entry that has booted; NULL if it is not known. */
static struct loader_entry *slot_systemd_running(const struct loader_entries *list)
{
    char *selected = loader_variable_id("LoaderEntrySelected");
    struct loader_entry *running = loader_entries_find(list, selected);

    free(selected);
    return running;
}

static bool slot_systemd_boot_is_there(const struct slot_view *v)
{
    struct loader_entries list;

    (void)v;
    loader_entries_read(&list);
    bool there = slot_systemd_running(&list) && list.count;
    loader_entries_free(&list);
    return there;
}

/* The entry that a variable names; none if it is a pattern or a word such as @saved. */
static const struct loader_entry *slot_systemd_named(const struct loader_entries *list,
                                                     const char *variable)
{
    char *id = loader_variable_id(variable);
    const struct loader_entry *entry = loader_entries_find(list, id);

    free(id);
    return entry;
}

static bool slot_systemd_is_bad(const struct loader_entry *entry)
{
    return entry->counted && !entry->left;
}

/* The only other one; NULL if there are more, or none. */
static const struct loader_entry *slot_systemd_other(const struct loader_entries *list,
                                                     const struct loader_entry *running)
{
    const struct loader_entry *other = NULL;

    for (int i = 0; i < list->count; i++)
        if (strcasecmp(list->entry[i].id, running->id) != 0) {
            if (other && strcasecmp(list->entry[i].id, other->id) != 0)
                return NULL;
            other = &list->entry[i];
        }
    return other && !slot_systemd_is_bad(other) ? other : NULL;
}

static const struct loader_entry *slot_systemd_next(const struct loader_entries *list,
                                                    const struct loader_entry *running)
{
    const struct loader_entry *next = slot_systemd_named(list, "LoaderEntryOneShot");

    if (!next)
        next = slot_systemd_named(list, "LoaderEntryDefault");
    if (!next && slot_systemd_is_bad(running))
        next = slot_systemd_other(list, running);
    return next;
}

static bool slot_systemd_counts(const struct loader_entries *list)
{
    char *counted = loader_variable("LoaderBootCountPath");
    bool counts = *counted != '\0';

    for (int i = 0; i < list->count; i++)
        counts = counts || list->entry[i].counted;
    free(counted);
    return counts;
}

static void slot_systemd_describe(struct slot_view *v, const struct loader_entries *list,
                                  const struct loader_entry *running,
                                  const struct loader_entry *next)
{
    if (!slot_systemd_counts(list)) {
        facts_set(v->facts, "confirmed", "none");
        return;
    }
    facts_set(v->facts, "confirmed", running->counted ? "no" : "yes");
    if (!running->counted)
        return;
    facts_printf(v->facts, "tries-left", "%u", running->left);
    /* A good entry comes next: what runs was a one-time boot, or has no tries left. */
    if ((next && next != running && !next->counted) || (!next && !running->left))
        facts_set(v->facts, "pending", "fallback");
}

static int slot_systemd_boot_read(struct slot_view *v, struct error *err)
{
    struct loader_entries list;
    struct buffer names = {0};

    loader_entries_read(&list);
    const struct loader_entry *running = slot_systemd_running(&list);
    int rc = running ? 0
                     : error_set(err, EXIT_FAILED,
                                 "systemd-boot does not say which entry it has booted "
                                 "(LoaderEntrySelected), or there is no such entry");
    if (running) {
        const struct loader_entry *next = slot_systemd_next(&list, running);
        for (int i = 0; i < list.count; i++)
            buffer_printf(&names, "%s ", list.entry[i].id);
        slot_view_settle(v, &(struct slot_said){.running = running->id,
                                                .next = next ? next->id : "",
                                                .names = buffer_text(&names),
                                                .moves_at_boot = true});
        slot_systemd_describe(v, &list, running, next);
    }
    buffer_free(&names);
    loader_entries_free(&list);
    return rc;
}

static int slot_systemd_boot_confirm(struct slot_view *v, struct error *err)
{
    struct loader_entries list;

    loader_entries_read(&list);
    const struct loader_entry *running = slot_systemd_running(&list);
    const struct loader_entry *next = running ? slot_systemd_next(&list, running) : NULL;
    int rc;

    if (!running)
        rc = slot_words_refuse(err);
    else if (next && next != running && running->left)
        rc = error_set(err, EXIT_REFUSED,
                       "cannot keep %s: systemd-boot boots %s next; change its default first "
                       "(bootctl set-default)",
                       running->id, next->id);
    else
        rc = loader_entry_bless(running, err);
    (void)v;
    loader_entries_free(&list);
    return rc;
}

static int slot_systemd_boot_revert(struct slot_view *v, const char *reason, struct error *err)
{
    (void)v;
    (void)reason;
    return error_set(err, EXIT_REFUSED,
                     "cannot revert on this device: which entry systemd-boot boots is changed by "
                     "its own tool (bootctl set-default)");
}

const struct slot_driver slot_systemd_boot = {
    .name = "systemd-boot",
    .is_there = slot_systemd_boot_is_there,
    .read = slot_systemd_boot_read,
    .confirm = slot_systemd_boot_confirm,
    .revert = slot_systemd_boot_revert,
};
