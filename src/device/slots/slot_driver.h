/*
 * What a device knows about its firmware slots, and how one is confirmed or reverted. There is a
 * driver for each way to do that: the U-Boot environment with Nerves' variables, an ops.fw, a
 * command of the site.
 *
 * A driver can set the facts in wire/slot_facts.h, except for pending.
 */
#ifndef FWSSH_DEVICE_SLOTS_SLOT_DRIVER_H
#define FWSSH_DEVICE_SLOTS_SLOT_DRIVER_H

#include "base/error.h"
#include "device/config/device_config.h"
#include "wire/facts.h"

#include <stdbool.h>

struct slot_driver {
    const char *name;
    bool knows_confirmed; /* read is fast, and reports whether the firmware is confirmed */
    /* Whether it can be used here; for slot-driver "auto". */
    bool (*is_there)(const struct device_config *config);
    int (*read)(const struct device_config *config, struct facts *facts, struct error *err);
    /* Marks the running firmware as good. */
    int (*confirm)(const struct device_config *config, struct error *err);
    /* Makes the previous firmware boot next. reason: one line for status. */
    int (*revert)(const struct device_config *config, const char *reason, struct error *err);
};

/* Returns the driver that the key slot-driver selects, or NULL with the error set. */
const struct slot_driver *slot_driver_find(const struct device_config *config, struct error *err);

/* Adds all facts of the driver, and driver, boot-id and uptime; without a driver only these.
 * Returns 0, or -1 with the error set if the driver fails. */
int slot_driver_read(const struct device_config *config, struct facts *facts, struct error *err);

/* The drivers, each in the file of its name. */
extern const struct slot_driver slot_uboot, slot_ops, slot_command;

#endif
