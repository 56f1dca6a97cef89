#include "device/slots/slot_driver.h"

#include "base/io.h"
#include "base/memory.h"
#include "wire/slot_facts.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define BOOT_ID_PATH "/proc/sys/kernel/random/boot_id"

static const struct slot_driver *const drivers[] = {&slot_command, &slot_uboot, &slot_ops};

const struct slot_driver *slot_driver_find(const struct device_config *config, struct error *err)
{
    const char *wanted = config->slot_driver;
    bool choose = !strcmp(wanted, "auto");

    for (size_t i = 0; i < sizeof drivers / sizeof *drivers; i++)
        if (choose ? drivers[i]->is_there(config) : !strcmp(drivers[i]->name, wanted))
            return drivers[i];
    error_set(err, EXIT_FAILED,
              "no information about slots on this device: no U-Boot environment (%s), no %s and no "
              "slot-command",
              config->uboot_env_config, config->ops_firmware);
    return NULL;
}

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

int slot_driver_read(const struct device_config *config, struct facts *facts, struct error *err)
{
    struct error none;

    slot_driver_boot(facts);
    const struct slot_driver *driver = slot_driver_find(config, &none);
    facts_set(facts, "driver", driver ? driver->name : "none");
    if (driver && driver->read(config, facts, err))
        return -1;
    slot_facts_set_pending(facts);
    slot_driver_copy_running(facts);
    return 0;
}
