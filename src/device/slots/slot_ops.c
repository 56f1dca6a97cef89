/*
 * An ops.fw: an archive of small tasks that the updater applies to the device, as Nerves systems
 * have them. status prints the running slot, or "a->b" when another one boots next; validate, and
 * revert.
 */
#include "base/memory.h"
#include "base/site_command.h"
#include "device/slots/device_path.h"
#include "device/slots/slot_driver.h"
#include "device/updaters/updater_path.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SLOT_OPS_SECONDS 60

static bool slot_ops_is_there(const struct device_config *config)
{
    return !access(config->ops_firmware, R_OK);
}

static int slot_ops_apply(const struct device_config *config, const char *task,
                          struct site_command_result *r, struct error *err)
{
    char *device = device_path_find(config, err), *updater = NULL, *command = NULL;
    int rc = -1;

    if (!device)
        return -1;
    updater = updater_path_find(config);
    if (!updater) {
        error_set(err, EXIT_FAILED, "cannot find the updater '%s' (key updater)", config->updater);
        goto cleanup;
    }
    command = memory_printf("%s -a -q --no-unmount -i %s -t %s -d %s", updater,
                            config->ops_firmware, task, device);
    rc = site_command_run(command, NULL, SLOT_OPS_SECONDS, r, err);
    r->text[strcspn(r->text, "\r\n")] = '\0';
    if (!rc && (r->timed_out || r->status))
        rc = error_set(err, EXIT_FAILED, "task %s of %s failed: %.200s", task, config->ops_firmware,
                       r->timed_out ? "it took too long" : r->text);
cleanup:
    free(command);
    free(updater);
    free(device);
    return rc;
}

static int slot_ops_read(const struct device_config *config, struct facts *facts, struct error *err)
{
    struct site_command_result r;

    if (slot_ops_apply(config, "status", &r, err))
        return -1;
    /* fwup's info() is told behind its name. */
    char *active = strncmp(r.text, "fwup: ", 6) ? r.text : r.text + 6, *next = strstr(active, "->");
    if (next)
        *next = '\0';
    facts_set(facts, "active", active);
    facts_set(facts, "next", next ? next + 2 : active);
    facts_set(facts, "confirmed", "unknown");
    return 0;
}

static int slot_ops_confirm(const struct device_config *config, struct error *err)
{
    struct site_command_result r;

    return slot_ops_apply(config, "validate", &r, err);
}

static int slot_ops_revert(const struct device_config *config, const char *reason,
                           struct error *err)
{
    struct site_command_result r;

    (void)reason; /* there is nowhere to keep it */
    return slot_ops_apply(config, "revert", &r, err);
}

const struct slot_driver slot_ops = {
    .name = "ops.fw",
    .is_there = slot_ops_is_there,
    .read = slot_ops_read,
    .confirm = slot_ops_confirm,
    .revert = slot_ops_revert,
};
