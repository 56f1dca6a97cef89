#include "device/receive/slot_check.h"

#include "device/slots/slot_driver.h"

#include <string.h>

static bool slot_check_is_pending(const struct facts *facts)
{
    const char *active = facts_get(facts, "active"), *next = facts_get(facts, "next");

    return *active && *next && strcmp(active, next) != 0;
}

static int slot_check_pending(const struct facts *facts, struct error *err)
{
    if (!slot_check_is_pending(facts))
        return 0;
    return error_set(err, EXIT_REFUSED,
                     "slot %s is written and waits for its first start, and another update would "
                     "overwrite slot %s, which runs; reboot first (fwssh reboot HOST), or take it "
                     "back (fwssh revert HOST)",
                     facts_get(facts, "next"), facts_get(facts, "active"));
}

/* An update overwrites the slot that an unconfirmed firmware could go back to. */
static int slot_check_confirmed(const struct device_config *config, const struct facts *facts,
                                struct client *client, struct error *err)
{
    if (!strcmp(config->unconfirmed, "ignore") || strcmp(facts_get(facts, "confirmed"), "no"))
        return 0;
    error_set(err, EXIT_REFUSED,
              "the running firmware (slot %s, version %s) is not confirmed yet, and an update "
              "overwrites what it could go back to; confirm it first: fwssh confirm HOST",
              facts_get(facts, "active"), facts_get(facts, "version"));
    if (!strcmp(config->unconfirmed, "refuse"))
        return -1;
    client_complain(client, err->text);
    return 0;
}

int slot_check_before(const struct device_config *config, struct client *client, struct error *err)
{
    struct facts facts = {0};
    int rc = 0;

    if (slot_driver_read(config, &facts, err)) {
        error_prefix(err, "the slots cannot be looked at");
        client_complain(client, err->text);
    } else {
        rc = slot_check_pending(&facts, err) || slot_check_confirmed(config, &facts, client, err)
                 ? -1
                 : 0;
    }
    facts_free(&facts);
    return rc;
}

/* The host has told what the firmware is for; this is the other side. */
static void slot_check_name_device(const struct facts *facts, struct error *err)
{
    const char *platform = facts_get(facts, "platform"), *product = facts_get(facts, "product");

    if (*platform || *product)
        error_suffix(err, "this device is: %s%s%s %s", product, *product ? ", " : "", platform,
                     facts_get(facts, "architecture"));
}

void slot_check_after_failure(const struct device_config *config, struct error *err)
{
    struct facts facts = {0};
    struct error ignored;
    int rc = slot_driver_read(config, &facts, &ignored);

    if (!rc && err->status == EXIT_MISMATCH)
        slot_check_name_device(&facts, err);
    if (!rc && slot_check_is_pending(&facts))
        error_suffix(err,
                     "but slot %s boots next all the same: reboot (fwssh reboot HOST), or take it "
                     "back (fwssh revert HOST)",
                     facts_get(&facts, "next"));
    facts_free(&facts);
}
