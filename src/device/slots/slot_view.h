/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A look at the device's slots: what is known before any driver is asked, and how the driver's word
 * is held against it. What runs is found from what cannot lie, in this order: a word on the
 * kernel's command line (fwssh.slot=, rauc.slot=), the name of the partition that / is mounted
 * from (GPT: ends in -a, _b, ...), the one who decides (the driver), and only then what was noted
 * as next at the first look since the boot (boot_memory.h).
 */
#ifndef FWSSH_DEVICE_SLOTS_SLOT_VIEW_H
#define FWSSH_DEVICE_SLOTS_SLOT_VIEW_H

#include "device/slots/boot_memory.h"
#include "device/slots/boot_table.h"
#include "device/slots/slot_words.h"
#include "wire/facts.h"

#include <stdbool.h>

struct slot_view {
    const struct device_config *config;
    struct facts *facts;
    char *device; /* its resolved path; NULL if it was not found */
    bool has_table;
    struct boot_table table;
    bool table_moved; /* it boots something else than what it booted last */
    bool trial;       /* a parameter for the next reboot asks for a one-time boot (tryboot) */
    bool trial_alone; /* and that is all that is pending; slot_driver_open() sets it */
    bool decided;     /* there is a driver */
    bool remembers;   /* this is not the first look since the boot */
    struct boot_memory memory;
    bool unsure; /* set by a driver whose change failed half-way: what boots next is not known */
};

/* Looks; boot-id must be among the facts. slot_view_close() in any case. */
void slot_view_open(struct slot_view *v, const struct device_config *config, struct facts *facts);
void slot_view_close(struct slot_view *v);

/*
 * Sets the facts active, next and, if what is known contradicts itself and the configuration does
 * not name the one who decides, conflict; all in the spelling of the one who decides.
 */
void slot_view_settle(struct slot_view *v, const struct slot_said *said);

/* The same by lines NAME=VALUE of a program that decides; all its facts are set. */
void slot_view_settle_text(struct slot_view *v, const char *text);

/* The same after a failure to read what the one who decides says: the boot has been seen, and what
 * boots next at a later look is not what runs. */
void slot_view_give_up(struct slot_view *v);

/* The configuration names who decides: that settles any contradiction. */
bool slot_view_is_told(const struct device_config *config);

/* To be added to a refusal: the key by which a table with two slots would decide; "" if it has
 * none. The caller frees it. */
char *slot_view_hint_table(const struct slot_view *v);

/* Makes the partition table boot what runs, again. Returns 0, or -1 with the error set. */
int slot_view_put_table_back(struct slot_view *v, struct error *err);

#endif
