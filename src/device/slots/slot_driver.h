/*
 * What a device knows of its firmware slots, and how it is told to keep or leave one. Several ways
 * exist, each a driver: the U-Boot environment with the Nerves names, an ops.fw, a command of the
 * site.
 *
 * The facts that a driver can give are those of wire/slot_facts.h, without pending.
 */
#ifndef FWSSH_DEVICE_SLOTS_SLOT_DRIVER_H
#define FWSSH_DEVICE_SLOTS_SLOT_DRIVER_H

#include "base/error.h"
#include "device/config/device_config.h"
#include "wire/facts.h"

#include <stdbool.h>

struct slot_driver {
    const char *name;
    bool knows_confirmed; /* its read is quick, and tells whether the firmware is confirmed */
    /* Whether it can work here; for slot-driver "auto". */
    bool (*is_there)(const struct device_config *config);
    int (*read)(const struct device_config *config, struct facts *facts, struct error *err);
    /* The running firmware is to stay. */
    int (*confirm)(const struct device_config *config, struct error *err);
    /* Another firmware is to boot next: the one before this. reason: one line for status. */
    int (*revert)(const struct device_config *config, const char *reason, struct error *err);
};

/* The driver of the key slot-driver; NULL with the error set when there is none. */
const struct slot_driver *slot_driver_find(const struct device_config *config, struct error *err);

/* All facts of the driver, and driver, boot-id and uptime. Without a driver only these. */
int slot_driver_read(const struct device_config *config, struct facts *facts, struct error *err);

/* The drivers; each in a file of its name. */
extern const struct slot_driver slot_uboot, slot_ops, slot_command;

#endif
