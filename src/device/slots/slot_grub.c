/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Slots by GRUB, whose configuration boots by variables in its environment block (key grubenv):
 *
 *   boot=0 or 1             slot a or b, as on Nerves' x86_64; upgrade_available counts as there
 *   ORDER, X_OK, X_TRY      RAUC's habit: the first slot of ORDER that is good and was not tried
 *
 * RAUC's variables are only read: its own tool changes them.
 */
#include "base/memory.h"
#include "device/slots/grub_env.h"
#include "device/slots/nerves_vars.h"
#include "device/slots/slot_driver.h"
#include "wire/slot_facts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GRUB_VALUE_MAX 128

static const char *const grub_places[] = {"/boot/grub/grubenv", "/boot/grub2/grubenv",
                                          "/boot/efi/EFI/BOOT/grubenv", "/boot/EFI/BOOT/grubenv",
                                          "/boot/grubenv"};

static bool slot_grub_has_slots(const struct grub_env *e)
{
    char value[GRUB_VALUE_MAX];

    return grub_env_get(e, "boot", value, sizeof value) ||
           grub_env_get(e, "ORDER", value, sizeof value);
}

/* Where the disk below a mount cannot be read, what the mount shows is enough to know who decides,
 * but not what. */
static bool slot_grub_is_mounted_at(const char *path)
{
    struct error ignored;
    struct grub_env e;

    return !grub_env_read_mounted(&e, path, &ignored) && slot_grub_has_slots(&e);
}

/* Sets *path if the block there has variables that choose a slot. */
static int slot_grub_try(struct grub_env *e, const char *place, const char **path,
                         struct error *err)
{
    int rc = grub_env_read(e, place, err);

    if (rc ? slot_grub_is_mounted_at(place) : slot_grub_has_slots(e))
        *path = place;
    return rc;
}

/* Reads the file named by the key, or the first known place with variables that choose a slot;
 * *path: its name, or NULL if there is none. Returns 0, or -1 with the error set. */
static int slot_grub_open(struct grub_env *e, const struct device_config *config, const char **path,
                          struct error *err)
{
    int rc;

    *path = NULL;
    if (*config->grubenv) {
        rc = slot_grub_try(e, config->grubenv, path, err);
        *path = rc ? *path : config->grubenv;
        return rc;
    }
    for (size_t i = 0; i < sizeof grub_places / sizeof *grub_places; i++) {
        rc = slot_grub_try(e, grub_places[i], path, err);
        if (*path)
            return rc;
    }
    return error_set(err, EXIT_FAILED,
                     "no environment block of GRUB that chooses a slot; set grubenv");
}

static bool slot_grub_is_there(const struct slot_view *v)
{
    struct error ignored;
    struct grub_env e;
    const char *path;
    int rc = slot_grub_open(&e, v->config, &path, &ignored);

    return path && (rc || slot_grub_has_slots(&e));
}

static bool slot_grub_is(const struct grub_env *e, const char *slot, const char *suffix,
                         const char *wanted)
{
    char *name = memory_printf("%s%s", slot, suffix), value[GRUB_VALUE_MAX];

    grub_env_get(e, name, value, sizeof value);
    free(name);
    return !strcmp(value, wanted);
}

/* The first of ORDER that is good and has not been tried; "" if there is none. */
static void slot_grub_next_of_order(const struct grub_env *e, const char *order, char *next,
                                    size_t size)
{
    char copy[GRUB_VALUE_MAX], *rest = copy;

    next[0] = '\0';
    snprintf(copy, sizeof copy, "%s", order);
    for (char *slot; (slot = strsep(&rest, " ")) && !*next;)
        if (*slot && slot_grub_is(e, slot, "_OK", "1") && slot_grub_is(e, slot, "_TRY", "0"))
            snprintf(next, size, "%s", slot);
}

/* What runs was tried and is not marked as good yet: the next boot passes it over. */
static void slot_grub_read_order(struct slot_view *v, const struct grub_env *e, const char *order)
{
    char next[GRUB_VALUE_MAX];
    struct buffer names = {0};

    buffer_add_text(&names, order);
    slot_grub_next_of_order(e, order, next, sizeof next);
    grub_env_list(e, "_OK", &names);
    slot_view_settle(
        v, &(struct slot_said){
               .running = "", .next = next, .names = buffer_text(&names), .moves_at_boot = true});
    buffer_free(&names);
    const char *active = facts_get(v->facts, "active");
    bool tried = *active && slot_grub_is(e, active, "_TRY", "1");
    bool good = *active && slot_grub_is(e, active, "_OK", "1") && !tried;
    facts_set(v->facts, "confirmed", tried ? "no" : good ? "yes" : "unknown");
    if (tried && slot_facts_state(v->facts) == SLOT_PENDING)
        facts_set(v->facts, "pending", "fallback");
}

static void slot_grub_read_boot(struct slot_view *v, const struct grub_env *e)
{
    char available[GRUB_VALUE_MAX];

    slot_view_settle(v, &(struct slot_said){.running = "",
                                            .next = slot_grub_is(e, "boot", "", "1") ? "b" : "a",
                                            .names = "a b"});
    nerves_vars_describe_beside(v->config, v->facts);
    if (!grub_env_get(e, "upgrade_available", available, sizeof available))
        facts_set(v->facts, "confirmed", "none");
    else if (slot_facts_state(v->facts) == SLOT_SETTLED)
        facts_set(v->facts, "confirmed", strcmp(available, "0") ? "no" : "yes");
}

static int slot_grub_read(struct slot_view *v, struct error *err)
{
    char order[GRUB_VALUE_MAX];
    struct grub_env e;
    const char *path;

    if (slot_grub_open(&e, v->config, &path, err))
        return -1;
    if (grub_env_get(&e, "ORDER", order, sizeof order))
        slot_grub_read_order(v, &e, order);
    else
        slot_grub_read_boot(v, &e);
    return 0;
}

static int slot_grub_confirm(struct slot_view *v, struct error *err)
{
    struct grub_env e;
    const char *path;

    if (slot_grub_open(&e, v->config, &path, err))
        return -1;
    if (slot_grub_is(&e, "upgrade_available", "", "1"))
        return grub_env_overwrite(&e, path, "upgrade_available", "0", err);
    return error_set(err, EXIT_REFUSED,
                     "cannot confirm on this device: RAUC's variables in %s are changed by its own "
                     "tool (rauc status mark-good)",
                     path);
}

static int slot_grub_revert_order(const struct slot_view *v, const char *path, struct error *err)
{
    return error_set(err, EXIT_REFUSED,
                     "cannot revert on this device: RAUC's variables in %s are changed by its own "
                     "tool (rauc status mark-active %s)",
                     path, slot_facts_state(v->facts) == SLOT_PENDING ? "booted" : "other");
}

static int slot_grub_revert(struct slot_view *v, const char *reason, struct error *err)
{
    char order[GRUB_VALUE_MAX];
    struct grub_env e;
    const char *path;

    if (slot_grub_open(&e, v->config, &path, err))
        return -1;
    if (grub_env_get(&e, "ORDER", order, sizeof order))
        return slot_grub_revert_order(v, path, err);
    char *target = nerves_vars_revert_target(v->facts, err);
    int rc = !target || nerves_vars_note_beside(v->config, target, reason, err) ||
                     grub_env_overwrite(&e, path, "boot", strcmp(target, "b") ? "0" : "1", err)
                 ? -1
                 : 0;
    free(target);
    return rc;
}

const struct slot_driver slot_grub = {
    .name = "grubenv",
    .has_notes = true,
    .reads_notes = true,
    .is_there = slot_grub_is_there,
    .read = slot_grub_read,
    .confirm = slot_grub_confirm,
    .revert = slot_grub_revert,
};
