/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who decides which firmware slot boots, and how one is confirmed or reverted. There is a driver
 * for each of them: U-Boot's script with Nerves' variables, the order or the flags of a partition
 * table, an ops.fw, an adapter of the updater, a command of the site.
 *
 * A driver can set the facts in wire/slot_facts.h; active, next and conflict through
 * slot_view_settle().
 */
#ifndef FWSSH_DEVICE_SLOTS_SLOT_DRIVER_H
#define FWSSH_DEVICE_SLOTS_SLOT_DRIVER_H

#include "base/error.h"
#include "device/config/device_config.h"
#include "device/slots/slot_view.h"
#include "wire/facts.h"

#include <stdbool.h>

struct slot_driver {
    const char *name;
    bool own_rules; /* it refuses by itself what would be wrong; read may not show a revert */
    /* It decides, whatever the environment beside it notes; archives go by either. */
    bool has_notes;
    bool reads_notes; /* facts of it come from an environment beside it, if there is one */
    /* Whether it is what decides here; for slot-driver "auto". */
    bool (*is_there)(const struct slot_view *v);
    int (*read)(struct slot_view *v, struct error *err);
    /* After read, with the facts. Marks the running firmware as good. */
    int (*confirm)(struct slot_view *v, struct error *err);
    /* After read, with the facts. Makes the previous firmware boot next, or the running one if an
     * update has not booted yet. reason: one line for status. */
    int (*revert)(struct slot_view *v, const char *reason, struct error *err);
};

/*
 * Opens a view with the driver that the key slot-driver selects, and adds all its facts, and
 * driver, boot-id and uptime; without a driver (NULL, with the error set, and yet 0) only these.
 * Returns 0, or -1 with the error set if the driver fails. slot_view_close() in any case.
 */
int slot_driver_open(struct slot_view *v, const struct slot_driver **driver,
                     const struct device_config *config, struct facts *facts, struct error *err);

/* The same for the facts alone. */
int slot_driver_read(const struct device_config *config, struct facts *facts, struct error *err);

/*
 * Whether an archive that chooses by the note (nerves_fw_active) which slot it overwrites would
 * choose another one than what runs: 0, or -1 with the error set if not. An updater that spares
 * what runs by itself, and a configuration that names the driver, need no note.
 */
int slot_driver_check_note(const struct device_config *config, const struct facts *facts,
                           struct error *err);

/* The drivers, each in the file of its name; those of a partition table in slot_table.c. */
extern const struct slot_driver slot_uboot, slot_mbr_order, slot_mbr_active, slot_gpt_order,
    slot_gpt_active, slot_priority, slot_systemd_boot, slot_grub, slot_ops, slot_command,
    slot_adapter;

#endif
