/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Slots through a command of the site (key slot-command), called with one more argument: status,
 * confirm or revert. status prints NAME=VALUE lines (wire/slot_facts.h); for the others only the
 * exit status counts, and their output is the reason for a failure.
 */
#include "base/argv.h"
#include "base/memory.h"
#include "base/run.h"
#include "device/slots/slot_driver.h"
#include "device/updaters/updater_path.h"

#include <stdlib.h>
#include <string.h>

#define SLOT_COMMAND_SECONDS 30
#define SLOT_COMMAND_TEXT_MAX 16384

static bool slot_command_is_there(const struct slot_view *v)
{
    return *v->config->slot_command != '\0';
}

static int slot_command_run(const struct device_config *config, const char *word,
                            const char *reason, struct run_result *r, struct error *err)
{
    struct argv argv = {0};

    *r = (struct run_result){0};
    if (!*config->slot_command)
        return error_set(err, EXIT_FAILED,
                         "slot-driver is \"command\", but there is none; set slot-command");
    char *variable = memory_printf("FWSSH_REASON=%s", reason);
    char *env[] = {variable, NULL};
    argv_split(&argv, config->slot_command);
    argv_add(&argv, word);
    struct run run = {.argv = argv.word,
                      .env = env,
                      .output = RUN_KEEP,
                      .errors = RUN_KEEP,
                      .keep = SLOT_COMMAND_TEXT_MAX,
                      .seconds = SLOT_COMMAND_SECONDS,
                      .detached = true};
    char *what = memory_printf("slot-command %s", word);
    int rc = updater_path_check(config, argv.count ? argv.word[0] : "", "slot-command", err) ||
                     run_expect(&run, what, r, err)
                 ? -1
                 : 0;
    free(what);
    argv_free(&argv);
    free(variable);
    return rc;
}

static int slot_command_read(struct slot_view *v, struct error *err)
{
    struct run_result r;
    int rc = slot_command_run(v->config, "status", "", &r, err);

    if (!rc)
        slot_view_settle_text(v, buffer_text(&r.text));
    run_free(&r);
    return rc;
}

static int slot_command_confirm(struct slot_view *v, struct error *err)
{
    struct run_result r;
    int rc = slot_command_run(v->config, "confirm", "", &r, err);

    run_free(&r);
    return rc;
}

static int slot_command_revert(struct slot_view *v, const char *reason, struct error *err)
{
    struct run_result r;
    int rc = slot_command_run(v->config, "revert", reason, &r, err);

    run_free(&r);
    return rc;
}

const struct slot_driver slot_command = {
    .name = "command",
    .own_rules = true,
    .is_there = slot_command_is_there,
    .read = slot_command_read,
    .confirm = slot_command_confirm,
    .revert = slot_command_revert,
};
