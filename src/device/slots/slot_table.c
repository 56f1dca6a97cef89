/*
 * Slots by an MBR: two partitions that are alike, of which the first entry boots (mbr-order: an
 * update exchanges the entries), or the one with the active flag (mbr-active). The slot that lies
 * first on the disk is "a". nerves_fw_active, where there is one, is a note that is kept in step.
 */
#include "base/memory.h"
#include "device/slots/nerves_vars.h"
#include "device/slots/slot_driver.h"
#include "wire/slot_facts.h"

#include <stdlib.h>
#include <string.h>

/* Two partitions may be alike, and lie anyhow, where a boot script chooses between them: then the
 * table decides only if it has moved. */
static bool slot_table_decides(const struct slot_view *v, enum boot_table_style style)
{
    return v->has_table && boot_table_style(&v->table, v->memory.table) == style &&
           (v->table_moved || !nerves_vars_show_a_script_beside(v->config));
}

static bool slot_order_is_there(const struct slot_view *v)
{
    return slot_table_decides(v, BOOT_TABLE_ORDER);
}

static bool slot_active_is_there(const struct slot_view *v)
{
    return slot_table_decides(v, BOOT_TABLE_FLAG);
}

/* What the table at boot booted, or where / lies. */
static const char *slot_table_running(const struct slot_view *v, enum boot_table_style style)
{
    struct boot_table before = v->table;
    struct disk_partition root;

    if (!boot_table_root(v->device, &root))
        return boot_table_slot_at(&v->table, root.start);
    if (!v->remembers)
        return boot_table_next(&v->table, style);
    return boot_table_go_back(&before, v->memory.table) ? "" : boot_table_next(&before, style);
}

static int slot_table_read(struct slot_view *v, enum boot_table_style style, struct error *err)
{
    if (!v->has_table || v->table.first < 0)
        return error_set(err, EXIT_FAILED,
                         "the partition table of the device has no two slots that are alike, as "
                         "slot-driver = \"%s\" needs them",
                         v->config->slot_driver);
    slot_view_settle(v, &(struct slot_said){.running = slot_table_running(v, style),
                                            .next = boot_table_next(&v->table, style),
                                            .names = "a b"});
    /* Without an environment there is no mark of confirmation, and an MBR does not count. */
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
static int slot_table_revert(struct slot_view *v, const char *reason, enum boot_table_style style,
                             struct error *err)
{
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

static int slot_order_read(struct slot_view *v, struct error *err)
{
    return slot_table_read(v, BOOT_TABLE_ORDER, err);
}

static int slot_active_read(struct slot_view *v, struct error *err)
{
    return slot_table_read(v, BOOT_TABLE_FLAG, err);
}

static int slot_order_revert(struct slot_view *v, const char *reason, struct error *err)
{
    return slot_table_revert(v, reason, BOOT_TABLE_ORDER, err);
}

static int slot_active_revert(struct slot_view *v, const char *reason, struct error *err)
{
    return slot_table_revert(v, reason, BOOT_TABLE_FLAG, err);
}

const struct slot_driver slot_order = {
    .name = "mbr-order",
    .is_there = slot_order_is_there,
    .read = slot_order_read,
    .confirm = slot_table_confirm,
    .revert = slot_order_revert,
};

const struct slot_driver slot_active = {
    .name = "mbr-active",
    .is_there = slot_active_is_there,
    .read = slot_active_read,
    .confirm = slot_table_confirm,
    .revert = slot_active_revert,
};
