/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What Nerves' firmware keeps in the U-Boot environment, whoever decides what boots:
 * X.nerves_fw_* describe what is in slot X, and upgrade_available, X.nerves_fw_validated or
 * nerves_fw_validated say whether the running firmware is confirmed.
 */
#ifndef FWSSH_DEVICE_SLOTS_NERVES_VARS_H
#define FWSSH_DEVICE_SLOTS_NERVES_VARS_H

#include "base/error.h"
#include "device/config/device_config.h"
#include "device/slots/uboot_vars.h"
#include "wire/facts.h"

#include <stdbool.h>

/* The slot that boots next, where a script of U-Boot's goes by it; elsewhere only a note. */
#define NERVES_VARS_NOTE "nerves_fw_active"

/* "" if it is not set; the caller frees it. */
char *nerves_vars_get(struct uboot_ctx *ctx, const char *name);
int nerves_vars_set(struct uboot_ctx *ctx, const char *name, const char *value, struct error *err);

/* The names of all slots that the environment knows, and next, as wire/slot_facts.h has them, with
 * blanks between them; NULL if it knows none. The caller frees it. */
char *nerves_vars_list_slots(struct uboot_ctx *ctx, const char *next);

/* Adds what is in the slots, serial, reason, confirmed and tries-left. active, next and pending
 * must be among the facts, where they are known. */
void nerves_vars_describe(struct uboot_ctx *ctx, struct facts *facts);

/* The same from the environment beside another driver, if this device has one. */
void nerves_vars_describe_beside(const struct device_config *config, struct facts *facts);

/* Whether it has one; it may not be readable. */
bool nerves_vars_are_beside(const struct device_config *config);

/* Marks the running slot as good in the variables that this device uses: its boot attempts are no
 * longer counted. Returns 0, or -1 with the error set. */
int nerves_vars_confirm(const struct device_config *config, const char *active, struct error *err);

/* Whether bootcount has passed bootlimit: then U-Boot has run altbootcmd in place of bootcmd. */
bool nerves_vars_are_past_limit(struct uboot_ctx *ctx);

/* Whether the environment has variables that only a boot script has a use for: what it notes as
 * active is what boots, then. One beside that cannot be read may have some. */
bool nerves_vars_show_a_script(struct uboot_ctx *ctx);
bool nerves_vars_show_a_script_beside(const struct device_config *config);

/* Boot attempts of the slot that boots next are not counted (any more), in the variables that are
 * there. */
int nerves_vars_settle(struct uboot_ctx *ctx, struct error *err);

/* Notes in the environment beside another driver, if there is one, which slot boots next (only if
 * it has such a note) and why. Returns 0, or -1 with the error set. */
int nerves_vars_note_beside(const struct device_config *config, const char *next,
                            const char *reason, struct error *err);

/* What is noted there as the slot; "" if there is no such note. The caller frees it. */
char *nerves_vars_read_note_beside(const struct device_config *config);

/* Stores why the device goes back; "" removes it. */
int nerves_vars_set_reason(struct uboot_ctx *ctx, const char *reason, struct error *err);

/* The slot to go back to, which the caller frees: active if an update has not booted yet, else
 * another one with a complete firmware. NULL with the error set (EXIT_REFUSED). */
char *nerves_vars_revert_target(const struct facts *facts, struct error *err);

#endif
