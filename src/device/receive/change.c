#include "device/receive/change.h"

#include "device/slots/slot_driver.h"
#include "wire/slot_facts.h"

int change_confirm(const struct device_config *config, struct error *err)
{
    const struct slot_driver *driver = slot_driver_find(config, err);

    return driver ? driver->confirm(config, err) : -1;
}

int change_revert(const struct device_config *config, const char *reason, bool *reboot,
                  struct error *err)
{
    const struct slot_driver *driver = slot_driver_find(config, err);
    struct facts facts = {0};
    struct error ignored;

    if (!driver || driver->revert(config, *reason ? reason : "requested over SSH", err))
        return -1;
    /* If an update that had not booted was discarded, the running slot boots next. */
    *reboot =
        slot_driver_read(config, &facts, &ignored) || slot_facts_state(&facts) != SLOT_SETTLED;
    facts_free(&facts);
    return 0;
}
