/* SPDX-License-Identifier: Apache-2.0 */
#include "device/receive/slot_check.h"

#include "device/receive/change.h"
#include "device/slots/slot_driver.h"
#include "wire/slot_facts.h"

#include <string.h>

static int slot_check_refuse_second(const char *active, const char *next, struct error *err)
{
    static const char what_to_do[] =
        "Reboot first (fwssh reboot HOST), or discard it with fwssh revert HOST";

    if (*active && *next)
        return error_set(err, EXIT_REFUSED,
                         "slot %s holds an update that has not booted yet; another one would "
                         "overwrite the running slot %s. %s",
                         next, active, what_to_do);
    return error_set(err, EXIT_REFUSED,
                     "an update has not booted yet, and another one could overwrite the running "
                     "slot. %s",
                     what_to_do);
}

static int slot_check_pending(const struct facts *facts, struct error *err)
{
    const char *active = facts_get(facts, "active"), *next = facts_get(facts, "next");

    switch (slot_facts_state(facts)) {
    case SLOT_UNKNOWN:
    case SLOT_SETTLED:
        return 0;
    case SLOT_PENDING:
        return slot_check_refuse_second(active, next, err);
    case SLOT_FALLBACK:
        return error_set(err, EXIT_REFUSED,
                         "the running slot %s is on trial, and an update would overwrite slot %s, "
                         "which a reboot goes back to. Confirm first (fwssh confirm HOST), or go "
                         "back with fwssh revert HOST",
                         active, next);
    }
    return 0;
}

/* An update overwrites the slot that an unconfirmed firmware could fall back to. */
static int slot_check_confirmed(const struct device_config *config, const struct facts *facts,
                                struct client *client, struct error *err)
{
    if (!strcmp(config->unconfirmed, "ignore") || !slot_facts_are_unconfirmed(facts))
        return 0;
    error_set(err, EXIT_REFUSED,
              "the running firmware (slot %s, version %s) is not confirmed yet, and an update "
              "overwrites the one it could fall back to; confirm it first: fwssh confirm HOST",
              facts_get(facts, "active"), facts_get(facts, "version"));
    if (!strcmp(config->unconfirmed, "refuse"))
        return -1;
    client_complain(client, err->text);
    return 0;
}

/* Returns 1, with the error set, if the slots cannot be read, and -1 if that itself shows that an
 * update waits. */
static int slot_check_look(const struct device_config *config, struct client *client,
                           struct facts *facts, struct error *err)
{
    facts_free(facts);
    if (slot_driver_read(config, facts, err)) {
        facts_free(facts); /* what there is of them */
        error_prefix(err, "cannot read the state of the slots");
        return err->status == EXIT_REFUSED ? -1 : 1;
    }
    return change_check(facts, err) || slot_check_pending(facts, err) ||
                   slot_driver_check_note(config, facts, err) ||
                   slot_check_confirmed(config, facts, client, err)
               ? -1
               : 0;
}

int slot_check_before(const struct device_config *config, struct client *client,
                      struct facts *facts, struct error *err)
{
    int rc = slot_check_look(config, client, facts, err);

    if (rc > 0)
        client_complain(client, err->text);
    return rc < 0 ? -1 : 0;
}

int slot_check_between(const struct device_config *config, struct client *client,
                       struct facts *facts, struct error *err)
{
    int rc = slot_check_look(config, client, facts, err);

    if (rc > 0) {
        err->status = EXIT_REFUSED;
        error_suffix(err,
                     "the firmware before may have switched slots, so nothing more is written");
    }
    return rc ? -1 : 0;
}

/* The host has printed which device the firmware is for; this says which device it has reached. */
static void slot_check_name_device(const struct facts *facts, struct error *err)
{
    const char *platform = facts_get(facts, "platform"), *product = facts_get(facts, "product"),
               *architecture = facts_get(facts, "architecture");

    if (*platform || *product)
        error_suffix(err, "this device is: %s%s%s%s%s", product,
                     *product && (*platform || *architecture) ? ", " : "", platform,
                     *platform && *architecture ? " " : "", architecture);
}

void slot_check_after_failure(const struct device_config *config, struct error *err)
{
    struct facts facts = {0};
    struct error ignored;
    int rc = slot_driver_read(config, &facts, &ignored);

    if (!rc && err->status == EXIT_MISMATCH)
        slot_check_name_device(&facts, err);
    const char *next = facts_get(&facts, "next");
    if (!rc && slot_facts_state(&facts) == SLOT_PENDING)
        error_suffix(err,
                     "%s%s boots next anyway: reboot (fwssh reboot HOST), or discard it "
                     "(fwssh revert HOST)",
                     *next ? "slot " : "an update", next);
    facts_free(&facts);
}
