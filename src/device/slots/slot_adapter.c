/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Slots through an adapter of the updater (fwssh-updater(7)), whose verb status prints NAME=VALUE
 * lines (wire/slot_facts.h). Unlike a slot-command it is held to what it says: a change that does
 * not show afterwards has failed.
 */
#include "device/slots/slot_driver.h"
#include "device/updaters/updater_adapter.h"
#include "device/updaters/updater_path.h"

#define SLOT_ADAPTER_SECONDS 30

static bool slot_adapter_is_there(const struct slot_view *v)
{
    return updater_path_selects_adapter(v->config);
}

static int slot_adapter_ask(const struct device_config *config, const char *verb,
                            const char *reason, struct run_result *r, struct error *err)
{
    struct updater u;
    int rc = updater_find(&u, config, err);

    *r = (struct run_result){0};
    if (!rc && !u.driver->is_adapter)
        rc = error_set(err, EXIT_FAILED,
                       "slot-driver is \"updater\", but %s has no verbs for it; see "
                       "fwssh-updater(7)",
                       u.name);
    if (!rc)
        rc = updater_adapter_ask(&u, verb, reason, SLOT_ADAPTER_SECONDS, r, err);
    updater_free(&u);
    return rc;
}

static int slot_adapter_read(struct slot_view *v, struct error *err)
{
    struct run_result r;
    int rc = slot_adapter_ask(v->config, "status", "", &r, err);

    if (!rc)
        slot_view_settle_text(v, buffer_text(&r.text));
    run_free(&r);
    return rc;
}

static int slot_adapter_change(const struct slot_view *v, const char *verb, const char *reason,
                               struct error *err)
{
    struct run_result r;
    int rc = slot_adapter_ask(v->config, verb, reason, &r, err);

    run_free(&r);
    return rc;
}

static int slot_adapter_confirm(struct slot_view *v, struct error *err)
{
    return slot_adapter_change(v, "confirm", "", err);
}

static int slot_adapter_revert(struct slot_view *v, const char *reason, struct error *err)
{
    return slot_adapter_change(v, "revert", reason, err);
}

const struct slot_driver slot_adapter = {
    .name = "updater",
    .is_there = slot_adapter_is_there,
    .read = slot_adapter_read,
    .confirm = slot_adapter_confirm,
    .revert = slot_adapter_revert,
};
