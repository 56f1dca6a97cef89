/* SPDX-License-Identifier: Apache-2.0 */
#include "device/slots/slot_driver.h"

#include "base/io.h"
#include "base/memory.h"
#include "device/slots/nerves_vars.h"
#include "device/updaters/updater_driver.h"
#include "wire/slot_facts.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#define BOOT_ID_PATH "/proc/sys/kernel/random/boot_id"

/* In the order in which "auto" looks: who was put there to answer, then what a look at the device
 * proves, then the environment, which may be only a note. */
static const struct slot_driver *const drivers[] = {
    &slot_command,      &slot_adapter,    &slot_ops,       &slot_grub,
    &slot_systemd_boot, &slot_priority,   &slot_mbr_order, &slot_mbr_active,
    &slot_gpt_order,    &slot_gpt_active, &slot_uboot};

static void slot_driver_boot(struct facts *facts)
{
    struct buffer text = {0};
    struct timespec up;
    struct error ignored;

    if (!io_read_file(BOOT_ID_PATH, 64, &text, &ignored)) {
        text.data[strcspn(text.data, "\n")] = '\0';
        facts_set(facts, "boot-id", buffer_text(&text));
    }
    buffer_free(&text);
    clock_gettime(CLOCK_BOOTTIME, &up);
    facts_printf(facts, "uptime", "%lld", (long long)up.tv_sec);
}

/* Copies the facts of the running slot to names without the slot, unless a driver has set them. */
static void slot_driver_copy_running(struct facts *facts)
{
    static const char *const fields[] = {"product", "version", "platform", "architecture", "uuid"};

    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        char *name = memory_printf("slot.%s.%s", facts_get(facts, "active"), fields[i]);
        const char *value = facts_get(facts, name);
        if (*value && !*facts_get(facts, fields[i]))
            facts_set(facts, fields[i], value);
        free(name);
    }
}

/* A device is of one kind, whichever slot runs: what all slots say that say something. */
static void slot_driver_copy_common(struct facts *facts, const char *field)
{
    char *suffix = memory_printf(".%s", field);
    const char *common = "";
    bool alike = !*facts_get(facts, field);

    for (size_t i = 0; i < facts->count && alike; i++) {
        const char *name = facts->fact[i].name, *value = facts->fact[i].value;
        size_t len = strlen(name), end = strlen(suffix);
        if (strncmp(name, "slot.", 5) != 0 || len < end || strcmp(name + len - end, suffix) != 0)
            continue;
        alike = !*common || !strcmp(common, value);
        common = value;
    }
    if (alike && *common)
        facts_set(facts, field, common);
    free(suffix);
}

static const struct slot_driver *slot_driver_choose(const struct slot_view *v, struct error *err)
{
    const char *wanted = v->config->slot_driver;
    bool choose = !strcmp(wanted, "auto");

    for (size_t i = 0; i < sizeof drivers / sizeof *drivers; i++)
        if (choose ? drivers[i]->is_there(v) : !strcmp(drivers[i]->name, wanted))
            return drivers[i];
    char *table = slot_view_hint_table(v);
    error_set(err, EXIT_FAILED,
              "no information about slots on this device: no U-Boot environment (%s), no %s and no "
              "slot-command%s",
              v->config->uboot_env_config, v->config->ops_firmware, table);
    free(table);
    return NULL;
}

/* The next reboot tries another slot once, as a task's reboot_param asks for. That is known even if
 * what runs is not. */
static void slot_driver_see_trial(struct slot_view *v)
{
    enum slot_state state = slot_facts_state(v->facts);

    v->trial_alone = v->trial && (state == SLOT_SETTLED || state == SLOT_UNKNOWN);
    if (v->trial_alone)
        facts_set(v->facts, "pending", "new");
}

/* Whoever decides: a partition table that has moved, or a one-time boot that is asked for, is an
 * update that has not booted yet; unless the one who decides says in so many words what is pending.
 */
static void slot_driver_see_pending(struct slot_view *v)
{
    struct facts *facts = v->facts;

    if (!*facts_get(facts, "pending")) {
        if (v->table_moved)
            facts_set(facts, "pending", "new");
        slot_driver_see_trial(v);
        slot_facts_set_pending(facts);
    }
    const char *other = slot_facts_other(facts_get(facts, "active"));
    if (slot_facts_state(facts) == SLOT_PENDING && *other &&
        !strcmp(facts_get(facts, "active"), facts_get(facts, "next")))
        facts_set(facts, "next", other);
}

/* An adapter's firmware is no archive with tasks that could ask for the note. */
static bool slot_driver_updater_spares_root(const struct device_config *config)
{
    struct updater updater;
    struct error ignored;
    bool spares = !updater_find(&updater, config, &ignored) &&
                  (updater.driver->spares_root || updater.driver->is_adapter);

    updater_free(&updater);
    return spares;
}

/* An environment that is in use is not to be taken for one that notes nothing: an archive reads it
 * without its lock. */
static bool slot_driver_notes_are_busy(const struct slot_driver *driver,
                                       const struct device_config *config, struct error *err)
{
    if (!driver->reads_notes || !nerves_vars_are_beside(config) || !uboot_vars_are_busy(err))
        return false;
    error_prefix(err, "cannot read the U-Boot environment");
    return true;
}

int slot_driver_open(struct slot_view *v, const struct slot_driver **driver,
                     const struct device_config *config, struct facts *facts, struct error *err)
{
    slot_driver_boot(facts);
    slot_view_open(v, config, facts);
    *driver = slot_driver_choose(v, err);
    v->decided = *driver;
    facts_set(facts, "driver", *driver ? (*driver)->name : "none");
    if (*driver && (slot_driver_notes_are_busy(*driver, config, err) || (*driver)->read(v, err))) {
        slot_view_give_up(v);
        return -1;
    }
    if (!*driver)
        slot_view_settle(v, &(struct slot_said){.running = "", .next = ""});
    slot_driver_see_pending(v);
    slot_driver_copy_running(facts);
    slot_driver_copy_common(facts, "platform");
    slot_driver_copy_common(facts, "architecture");
    return 0;
}

int slot_driver_read(const struct device_config *config, struct facts *facts, struct error *err)
{
    const struct slot_driver *driver;
    struct slot_view v;

    int rc = slot_driver_open(&v, &driver, config, facts, err);
    slot_view_close(&v);
    return rc;
}

static bool slot_driver_has_notes(const char *name)
{
    for (size_t i = 0; i < sizeof drivers / sizeof *drivers; i++)
        if (!strcmp(drivers[i]->name, name))
            return drivers[i]->has_notes;
    return false;
}

int slot_driver_check_note(const struct device_config *config, const struct facts *facts,
                           struct error *err)
{
    const char *active = facts_get(facts, "active"), *driver = facts_get(facts, "driver");
    int rc = 0;

    if (!slot_driver_has_notes(driver) || slot_view_is_told(config) ||
        slot_facts_state(facts) != SLOT_SETTLED || slot_driver_updater_spares_root(config))
        return 0;
    char *note = nerves_vars_read_note_beside(config);
    if (strlen(note) == 1 && strlen(active) == 1 && strcasecmp(note, active) != 0)
        rc = error_set(err, EXIT_REFUSED,
                       "%s says that slot %s runs, but " NERVES_VARS_NOTE
                       " says slot %s, and an archive may choose by that what it overwrites. "
                       "Correct it (fw_setenv " NERVES_VARS_NOTE
                       " %s); if no archive does so, set slot-driver = \"%s\"",
                       driver, active, note, active, driver);
    free(note);
    return rc;
}
