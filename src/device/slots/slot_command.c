/*
 * A command of the site: called with one more word, status, confirm or revert. status prints lines
 * NAME=VALUE with the names of slot_driver.h; for the others only the exit status counts, and what
 * they print is the reason of a failure.
 */
#include "base/memory.h"
#include "base/site_command.h"
#include "base/spawn.h"
#include "device/slots/slot_driver.h"

#include <stdlib.h>
#include <string.h>

#define SLOT_COMMAND_SECONDS 30

static bool slot_command_is_there(const struct device_config *config)
{
    return *config->slot_command != '\0';
}

static int slot_command_run(const struct device_config *config, const char *word,
                            const char *reason, struct site_command_result *r, struct error *err)
{
    char *command = memory_printf("%s %s", config->slot_command, word);
    char *variable = memory_printf("FWSSH_REASON=%s", reason);
    char *env[] = {variable, NULL};
    char how[80];

    int rc = site_command_run(command, env, SLOT_COMMAND_SECONDS, r, err);
    if (!rc && (r->timed_out || r->status)) {
        spawn_describe(r->status, how, sizeof how);
        r->text[strcspn(r->text, "\n")] = '\0';
        rc = error_set(err, EXIT_FAILED, "slot-command %s %s%s%.200s", word,
                       r->timed_out ? "took too long" : how, *r->text ? ": " : "", r->text);
    }
    free(variable);
    free(command);
    return rc;
}

static int slot_command_read(const struct device_config *config, struct facts *facts,
                             struct error *err)
{
    struct site_command_result r;

    if (slot_command_run(config, "status", "", &r, err))
        return -1;
    facts_parse(facts, r.text);
    return 0;
}

static int slot_command_confirm(const struct device_config *config, struct error *err)
{
    struct site_command_result r;

    return slot_command_run(config, "confirm", "", &r, err);
}

static int slot_command_revert(const struct device_config *config, const char *reason,
                               struct error *err)
{
    struct site_command_result r;

    return slot_command_run(config, "revert", reason, &r, err);
}

const struct slot_driver slot_command = {
    .name = "command",
    .knows_confirmed = true,
    .is_there = slot_command_is_there,
    .read = slot_command_read,
    .confirm = slot_command_confirm,
    .revert = slot_command_revert,
};
