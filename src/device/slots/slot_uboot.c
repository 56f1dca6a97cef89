/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Slots in the U-Boot environment, as on Nerves devices: nerves_fw_active is the slot that U-Boot's
 * script boots next, and upgrade_available, bootcount and bootlimit count its boot attempts.
 *
 * On other systems nerves_fw_active is only a note, and something else decides. Where nothing shows
 * that a script boots by it, it still refuses an update (what it notes may boot next), but a revert
 * is not promised.
 */
#include "base/memory.h"
#include "device/slots/nerves_vars.h"
#include "device/slots/slot_driver.h"
#include "wire/slot_facts.h"

#include <stdlib.h>
#include <string.h>

static bool slot_uboot_is_there(const struct slot_view *v)
{
    return nerves_vars_are_beside(v->config);
}

static bool slot_uboot_decides(const struct device_config *config, struct uboot_ctx *ctx)
{
    return nerves_vars_show_a_script(ctx) || !strcmp(config->slot_driver, slot_uboot.name);
}

/* When the count has run out, the script goes back to the other slot at the next boot. */
static void slot_uboot_set_fallback(struct facts *facts)
{
    const char *active = facts_get(facts, "active");

    if (slot_facts_are_unconfirmed(facts) && !strcmp(facts_get(facts, "tries-left"), "0") &&
        slot_facts_state(facts) == SLOT_SETTLED && *slot_facts_other(active)) {
        facts_set(facts, "next", slot_facts_other(active));
        facts_set(facts, "pending", "fallback");
    }
}

/* altbootcmd may have booted the other slot without writing so. The first look since the boot
 * remembers nothing then, and a slot that is known otherwise is known. */
static void slot_uboot_doubt(const struct slot_view *v, const char *next)
{
    if (*facts_get(v->facts, "active"))
        return;
    facts_set(v->facts, "confirmed", "unknown");
    facts_printf(v->facts, "conflict",
                 "bootcount has passed bootlimit, so U-Boot's altbootcmd has chosen what runs, but "
                 "nerves_fw_active still says slot %s",
                 next);
}

static int slot_uboot_read(struct slot_view *v, struct error *err)
{
    struct uboot_ctx *ctx = uboot_vars_open(v->config->uboot_env_config, err);

    if (!ctx)
        return -1;
    char *next = nerves_vars_get(ctx, NERVES_VARS_NOTE);
    char *names = nerves_vars_list_slots(ctx, next);
    bool doubt = nerves_vars_are_past_limit(ctx) && !slot_view_is_told(v->config);
    slot_view_settle(v, &(struct slot_said){.running = "",
                                            .next = next,
                                            .names = names,
                                            .moves_at_boot = doubt,
                                            .is_note = !slot_uboot_decides(v->config, ctx)});
    nerves_vars_describe(ctx, v->facts);
    if (doubt)
        slot_uboot_doubt(v, next);
    slot_uboot_set_fallback(v->facts);
    free(names);
    free(next);
    uboot_vars_close(ctx);
    return 0;
}

static int slot_uboot_confirm(struct slot_view *v, struct error *err)
{
    return nerves_vars_confirm(v->config, facts_get(v->facts, "active"), err);
}

static int slot_uboot_refuse(const struct slot_view *v, struct error *err)
{
    char *table = slot_view_hint_table(v);

    error_set(err, EXIT_REFUSED,
              "cannot revert on this device: nothing shows that U-Boot boots by nerves_fw_active, "
              "which may be only a note. If it does, set slot-driver = \"uboot-env\"%s; else "
              "provide an ops.fw or a slot-command",
              table);
    free(table);
    return -1;
}

static int slot_uboot_switch(const struct slot_view *v, struct uboot_ctx *ctx, const char *target,
                             const char *reason, struct error *err)
{
    if (!slot_uboot_decides(v->config, ctx))
        return slot_uboot_refuse(v, err);
    return nerves_vars_set(ctx, NERVES_VARS_NOTE, target, err) ||
                   nerves_vars_set_reason(ctx, reason, err) || nerves_vars_settle(ctx, err) ||
                   uboot_vars_store(ctx, err)
               ? -1
               : 0;
}

static int slot_uboot_revert(struct slot_view *v, const char *reason, struct error *err)
{
    char *target = nerves_vars_revert_target(v->facts, err);
    int rc = -1;

    if (!target)
        return -1;
    if (v->table_moved) {
        /* The note second: it must not say what the table does not do. */
        rc = slot_view_put_table_back(v, err) ||
                     nerves_vars_note_beside(v->config, target, reason, err)
                 ? -1
                 : 0;
    } else {
        struct uboot_ctx *ctx = uboot_vars_open(v->config->uboot_env_config, err);
        rc = ctx ? slot_uboot_switch(v, ctx, target, reason, err) : -1;
        if (ctx)
            uboot_vars_close(ctx);
    }
    free(target);
    return rc;
}

const struct slot_driver slot_uboot = {
    .name = "uboot-env",
    .is_there = slot_uboot_is_there,
    .read = slot_uboot_read,
    .confirm = slot_uboot_confirm,
    .revert = slot_uboot_revert,
};
