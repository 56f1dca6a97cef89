/* SPDX-License-Identifier: Apache-2.0 */
#include "device/receive/change.h"

#include "base/reboot_param.h"
#include "device/receive/unfinished.h"
#include "device/slots/slot_driver.h"
#include "device/slots/slot_words.h"
#include "device/updaters/updater_driver.h"
#include "wire/slot_facts.h"

int change_check(const struct facts *facts, struct error *err)
{
    const char *conflict = facts_get(facts, "conflict");

    if (!*conflict)
        return 0;
    return error_set(err, EXIT_REFUSED,
                     "what this device says about its slots contradicts itself: %s. Set "
                     "slot-driver, or a slot-command that knows, in its configuration",
                     conflict);
}

/* An update has not booted yet. */
static int change_refuse_to_confirm(const char *active, const char *next, struct error *err)
{
    if (*active && *next)
        return error_set(
            err, EXIT_REFUSED,
            "slot %s is running, but slot %s boots next and has not been tested: reboot first",
            active, next);
    return error_set(err, EXIT_REFUSED,
                     "an update has not booted yet: reboot first, or discard it with fwssh revert "
                     "HOST");
}

static int change_may_confirm(const struct facts *facts, const struct slot_driver *driver,
                              struct error *err)
{
    const char *active = facts_get(facts, "active"), *next = facts_get(facts, "next");

    if (change_check(facts, err))
        return -1;
    if (slot_facts_need_no_confirmation(facts))
        return error_set(err, EXIT_REFUSED,
                         "there is nothing to confirm on this device: its firmware has no "
                         "confirmation, and it does not go back by itself");
    if (slot_facts_state(facts) == SLOT_PENDING && !driver->own_rules)
        return change_refuse_to_confirm(active, next, err);
    if (*next && !*active)
        return slot_words_refuse(err);
    return 0;
}

/* Reads what a change has done. */
static int change_read_back(struct slot_view *v, const char *what, struct error *err)
{
    const struct device_config *config = v->config;
    struct facts *facts = v->facts;

    facts_free(facts);
    *facts = (struct facts){0};
    if (slot_driver_read(config, facts, err))
        return error_prefix(err, "%s, but cannot read the state of the slots again", what), -1;
    return 0;
}

static int change_confirm_by(struct slot_view *v, const struct slot_driver *driver,
                             struct error *err)
{
    if (change_may_confirm(v->facts, driver, err))
        return -1;
    if (slot_facts_are_confirmed(v->facts) && slot_facts_state(v->facts) != SLOT_FALLBACK)
        return 0; /* nothing to write */
    if (driver->confirm(v, err) || change_read_back(v, "confirmed", err))
        return -1;
    if (slot_facts_are_unconfirmed(v->facts) || slot_facts_state(v->facts) == SLOT_FALLBACK)
        return error_set(err, EXIT_FAILED,
                         "asked %s to confirm, and it reported no failure, but the firmware is "
                         "still not confirmed",
                         driver->name);
    return 0;
}

int change_confirm(const struct device_config *config, struct facts *facts, struct error *err)
{
    const struct slot_driver *driver;
    struct slot_view v;
    int rc = slot_driver_open(&v, &driver, config, facts, err) || !driver
                 ? -1
                 : change_confirm_by(&v, driver, err);

    slot_view_close(&v);
    return rc;
}

/* was_new: an update that had not booted was to be discarded. */
static int change_judge_revert(struct facts *facts, const struct slot_driver *driver, bool was_new,
                               struct error *err)
{
    enum slot_state state = slot_facts_state(facts);

    if (was_new ? state != SLOT_PENDING : state != SLOT_SETTLED)
        return 0;
    if (!was_new && driver->own_rules) {
        facts_set(facts, "next", "");
        facts_set(facts, "pending", "");
        return 0;
    }
    return error_set(err, EXIT_FAILED,
                     "asked %s to revert, and it reported no failure, but %s%s still boots next",
                     driver->name, *facts_get(facts, "next") ? "slot " : "an update",
                     facts_get(facts, "next"));
}

/*
 * A one-time boot that waits goes with what is discarded. If it is all that is pending, the driver
 * is not asked: it could only choose the other slot. From a firmware on trial, a reboot is all that
 * it takes.
 */
static int change_go_back(struct slot_view *v, const struct slot_driver *driver, const char *reason,
                          struct error *err)
{
    enum slot_state state = slot_facts_state(v->facts);
    bool ask = state != SLOT_FALLBACK && !v->trial_alone;

    if (ask && driver->revert(v, *reason ? reason : "requested over SSH", err))
        return -1;
    /* Now it may be one that the driver goes back by. */
    if (v->trial && (!ask || state == SLOT_PENDING) && reboot_param_remove(err))
        return -1;
    return 0;
}

/* A change that has failed may have been made all the same, or half of it. */
static void change_note_half(const struct device_config *config, struct error *err)
{
    struct facts facts = {0};
    struct error ignored;

    if (!slot_driver_read(config, &facts, &ignored) && slot_facts_state(&facts) == SLOT_PENDING)
        error_suffix(err, "%s%s boots next all the same",
                     *facts_get(&facts, "next") ? "slot " : "another slot",
                     facts_get(&facts, "next"));
    facts_free(&facts);
}

static int change_revert_by(struct slot_view *v, const struct slot_driver *driver,
                            const char *reason, bool *reboot, struct error *err)
{
    enum slot_state state = slot_facts_state(v->facts);
    bool was_new = state == SLOT_PENDING;

    if (change_check(v->facts, err) ||
        (!was_new && unfinished_check(v->config, v->facts, driver->own_rules, err)))
        return -1;
    if (change_go_back(v, driver, reason, err) ||
        (state != SLOT_FALLBACK && (change_read_back(v, "reverted", err) ||
                                    change_judge_revert(v->facts, driver, was_new, err)))) {
        *reboot = v->unsure && !was_new;
        if (v->unsure)
            error_suffix(err, UPDATER_UNSURE "%s",
                         *reboot ? "rebooting, check fwssh status"
                                 : "reboot before an update, and check fwssh status");
        else if (state == SLOT_SETTLED)
            change_note_half(v->config, err);
        return -1;
    }
    *reboot = !was_new;
    return 0;
}

int change_revert(const struct device_config *config, const char *reason, bool *reboot,
                  struct facts *facts, struct error *err)
{
    const struct slot_driver *driver;
    struct slot_view v;
    int rc = slot_driver_open(&v, &driver, config, facts, err) || !driver
                 ? -1
                 : change_revert_by(&v, driver, reason, reboot, err);

    slot_view_close(&v);
    return rc;
}
