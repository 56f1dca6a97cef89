/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Slots by the partition table: two partitions that are alike, of which the first entry boots
 * (mbr-order, gpt-order: an update exchanges the entries), or the one with the boot flag
 * (mbr-active, gpt-active). The slot that lies first on the disk is "a". nerves_fw_active, where
 * there is one, is a note that is kept in step.
 */
#include "base/memory.h"
#include "device/slots/nerves_vars.h"
#include "device/slots/slot_driver.h"
#include "wire/slot_facts.h"

#include <stdlib.h>
#include <string.h>

/* Two partitions may be alike, and lie anyhow, where a boot script chooses between them: then the
 * table decides only if it has moved. */
static bool slot_table_decides(const struct slot_view *v, bool gpt, enum boot_table_style style)
{
    return v->has_table && v->table.gpt == gpt &&
           boot_table_style(&v->table, v->memory.table) == style &&
           (v->table_moved || !nerves_vars_show_a_script_beside(v->config));
}

static bool slot_mbr_order_is_there(const struct slot_view *v)
{
    return slot_table_decides(v, false, BOOT_TABLE_ORDER);
}

static bool slot_mbr_active_is_there(const struct slot_view *v)
{
    return slot_table_decides(v, false, BOOT_TABLE_FLAG);
}

static bool slot_gpt_order_is_there(const struct slot_view *v)
{
    return slot_table_decides(v, true, BOOT_TABLE_ORDER);
}

static bool slot_gpt_active_is_there(const struct slot_view *v)
{
    return slot_table_decides(v, true, BOOT_TABLE_FLAG);
}

/* As the configuration says, or by look. */
static enum boot_table_style slot_table_style(const struct slot_view *v)
{
    const char *name = v->config->slot_driver;

    if (!strcmp(name, "auto"))
        return boot_table_style(&v->table, v->memory.table);
    return !strcmp(name, slot_mbr_order.name) || !strcmp(name, slot_gpt_order.name)
               ? BOOT_TABLE_ORDER
               : BOOT_TABLE_FLAG;
}

static bool slot_table_is_of_kind(const struct slot_view *v)
{
    const char *name = v->config->slot_driver;

    return !strcmp(name, "auto") || v->table.gpt == (!strcmp(name, slot_gpt_order.name) ||
                                                     !strcmp(name, slot_gpt_active.name));
}

/* What the table at boot booted, or where / lies. */
static const char *slot_table_running(const struct slot_view *v, enum boot_table_style style)
{
    struct disk_partition root;

    if (!boot_table_root(v->device, &root))
        return boot_table_slot_at(&v->table, root.start);
    if (!v->remembers)
        return boot_table_next(&v->table, style);
    return boot_table_next_at_boot(&v->table, v->memory.table, style);
}

static int slot_table_read(struct slot_view *v, struct error *err)
{
    enum boot_table_style style = slot_table_style(v);

    if (!v->has_table || v->table.first < 0 || !slot_table_is_of_kind(v))
        return error_set(err, EXIT_FAILED,
                         "the partition table of the device has no two slots that are alike, as "
                         "slot-driver = \"%s\" needs them",
                         v->config->slot_driver);
    slot_view_settle(v, &(struct slot_said){.running = slot_table_running(v, style),
                                            .next = boot_table_next(&v->table, style),
                                            .names = "a b"});
    /* Without an environment there is no mark of confirmation, and such a table does not count. */
    facts_set(v->facts, "confirmed", nerves_vars_are_beside(v->config) ? "unknown" : "none");
    nerves_vars_describe_beside(v->config, v->facts);
    return 0;
}

static int slot_table_choose(struct slot_view *v, enum boot_table_style style, const char *target,
                             struct error *err)
{
    if (!strcmp(boot_table_next(&v->table, style), target))
        return 0;
    boot_table_switch(&v->table, style);
    return boot_table_write(&v->table, v->device, err);
}

/* The table comes last: it is what decides. */
static int slot_table_revert(struct slot_view *v, const char *reason, struct error *err)
{
    enum boot_table_style style = slot_table_style(v);
    char *target = nerves_vars_revert_target(v->facts, err);
    int rc = -1;

    if (!target)
        return -1;
    bool moved = boot_table_has_moved(&v->table, v->memory.table);
    if (!moved && !*boot_table_next(&v->table, style))
        error_set(
            err, EXIT_REFUSED,
            "cannot revert on this device: the partition table does not say which slot boots");
    else if (!nerves_vars_note_beside(v->config, target, reason, err))
        rc = moved ? slot_view_put_table_back(v, err) : slot_table_choose(v, style, target, err);
    free(target);
    return rc;
}

static int slot_table_confirm(struct slot_view *v, struct error *err)
{
    return nerves_vars_confirm(v->config, facts_get(v->facts, "active"), err);
}

#define SLOT_TABLE_DRIVER(variable, text)                                                          \
    const struct slot_driver variable = {                                                          \
        .name = text,                                                                              \
        .has_notes = true,                                                                         \
        .reads_notes = true,                                                                       \
        .is_there = variable##_is_there,                                                           \
        .read = slot_table_read,                                                                   \
        .confirm = slot_table_confirm,                                                             \
        .revert = slot_table_revert,                                                               \
    }

SLOT_TABLE_DRIVER(slot_mbr_order, "mbr-order");
SLOT_TABLE_DRIVER(slot_mbr_active, "mbr-active");
SLOT_TABLE_DRIVER(slot_gpt_order, "gpt-order");
SLOT_TABLE_DRIVER(slot_gpt_active, "gpt-active");
