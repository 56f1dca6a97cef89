/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Slots through an ops.fw, as on Nerves systems: an archive of small tasks that the updater applies
 * to the device. The task status prints the running slot, or "a->b" if another one boots next;
 * validate confirms, and revert reverts.
 */
#include "base/memory.h"
#include "device/slots/device_path.h"
#include "device/slots/nerves_vars.h"
#include "device/slots/slot_driver.h"
#include "device/updaters/updater_driver.h"
#include "wire/slot_facts.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SLOT_OPS_SECONDS 60
/* Precedes the text of info() (docs/fw-format.md, "Text"). */
#define INFO_PREFIX "fwup: "

static bool slot_ops_is_there(const struct slot_view *v)
{
    return !access(v->config->ops_firmware, R_OK);
}

static int slot_ops_apply(const struct device_config *config, const char *task,
                          struct updater_done *done, struct error *err)
{
    struct updater_job job = {.verb = UPDATER_TASK, .task = task, .path = config->ops_firmware};
    struct updater u = {0};
    char *device = device_path_find(config, err);
    int seconds =
        config->updater_timeout < SLOT_OPS_SECONDS ? config->updater_timeout : SLOT_OPS_SECONDS;
    int rc = -1;

    *done = (struct updater_done){0};
    job.device = device;
    if (device && !updater_find(&u, config, err) &&
        (rc = updater_do(&u, config, &job, seconds, done, err)))
        error_prefix(err, "task %s of %s failed", task, config->ops_firmware);
    updater_free(&u);
    free(device);
    return rc;
}

/*
 * "a->b": a runs. If a is known not to be confirmed, it is on trial, and a reboot goes back to b;
 * otherwise b is new.
 */
static void slot_ops_set_fallback(struct facts *facts)
{
    if (slot_facts_state(facts) == SLOT_PENDING && slot_facts_are_unconfirmed(facts))
        facts_set(facts, "pending", "fallback");
}

static int slot_ops_read(struct slot_view *v, struct error *err)
{
    struct updater_done done;

    if (slot_ops_apply(v->config, "status", &done, err)) {
        run_free(&done.run);
        return -1;
    }
    const char *text = buffer_text(&done.run.text);
    if (!strncmp(text, INFO_PREFIX, strlen(INFO_PREFIX)))
        text += strlen(INFO_PREFIX);
    char *active = memory_printf("%.*s", (int)strcspn(text, "\r\n"), text);
    char *next = strstr(active, "->");
    if (next)
        *next = '\0';
    slot_view_settle(v, &(struct slot_said){.running = active, .next = next ? next + 2 : active});
    facts_set(v->facts, "confirmed", "unknown");
    nerves_vars_describe_beside(v->config, v->facts);
    slot_ops_set_fallback(v->facts);
    free(active);
    run_free(&done.run);
    return 0;
}

/* Applies a task that changes something. */
static int slot_ops_do(struct slot_view *v, const char *task, struct error *err)
{
    struct updater_done done;
    int rc = slot_ops_apply(v->config, task, &done, err);

    v->unsure = done.unsure;
    run_free(&done.run);
    return rc;
}

static int slot_ops_confirm(struct slot_view *v, struct error *err)
{
    if (!slot_ops_do(v, "validate", err))
        return 0;
    if (v->unsure)
        error_suffix(err, UPDATER_UNSURE "reboot before an update, and check fwssh status");
    return -1;
}

static int slot_ops_revert(struct slot_view *v, const char *reason, struct error *err)
{
    (void)reason; /* the tasks store none */
    return slot_ops_do(v, "revert", err);
}

const struct slot_driver slot_ops = {
    .name = "ops.fw",
    .own_rules = true,
    .reads_notes = true,
    .is_there = slot_ops_is_there,
    .read = slot_ops_read,
    .confirm = slot_ops_confirm,
    .revert = slot_ops_revert,
};
