/* SPDX-License-Identifier: Apache-2.0 */
#include "device/receive/status.h"

#include "base/io.h"
#include "base/memory.h"
#include "base/own_version.h"
#include "device/receive/assembly.h"
#include "device/receive/result.h"
#include "device/receive/self_check.h"
#include "device/receive/slot_file.h"
#include "device/receive/stage.h"
#include "device/receive/unfinished.h"
#include "device/slots/device_path.h"
#include "device/slots/slot_driver.h"
#include "device/updaters/updater_driver.h"
#include "device/updaters/updater_path.h"
#include "device/updaters/version_floor.h"
#include "wire/request.h"
#include "wire/slot_facts.h"

#include <linux/magic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/vfs.h>

#define LAST_UPDATE_MAX 2048

/* A file system in memory. */
static bool status_is_volatile(const char *path)
{
    struct statfs fs;

    if (statfs(path, &fs))
        return false;
    unsigned long type = (unsigned long)fs.f_type; /* signed on 32 bits */
    return type == TMPFS_MAGIC || type == RAMFS_MAGIC;
}

static void status_take_log(const struct device_config *config, struct facts *facts)
{
    char *path = memory_printf("%s/last-update", config->state_dir);
    struct buffer text = {0};
    struct error ignored;

    if (!io_read_regular_file(path, LAST_UPDATE_MAX, &text, &ignored) && text.len) {
        text.data[strcspn(text.data, "\n")] = '\0';
        facts_set(facts, "last-update", text.data);
    }
    buffer_free(&text);
    free(path);
}

/* After a rollback, or another update, the line alone would say more than is true. */
static void status_compare_log(struct facts *facts, const struct facts *now)
{
    const char *last = facts_get(facts, "last-update"), *runs = facts_get(now, "uuid");
    const char *uuid = strstr(last, RESULT_UUID);

    if (!uuid || !*runs || slot_facts_state(now) != SLOT_SETTLED ||
        !strncmp(uuid + strlen(RESULT_UUID), runs, strlen(runs)))
        return;
    char *line = memory_printf("%s; what runs now is another firmware (slot %s)", last,
                               facts_get(now, "active"));
    facts_set(facts, "last-update", line);
    free(line);
}

/* Of an update that was killed, or lost with the power, only the note from its start is left; but
 * that stays of a staged one, too. One that failed speaks for itself. */
static void status_add_lost(const struct device_config *config, struct facts *facts,
                            const struct facts *now)
{
    const char *last = facts_get(facts, "last-update");

    if (!*facts_get(now, "unfinished") || stage_is_there(config) ||
        (*last && !strstr(last, RESULT_DONE)))
        return;
    char *line = memory_printf("%s%san update was begun%s, and no end of it is known", last,
                               *last ? "; " : "", *last ? " after it" : "");
    facts_set(facts, "last-update", line);
    free(line);
}

void status_read_log(const struct device_config *config, struct facts *facts)
{
    struct facts now = {0};
    struct error ignored;

    status_take_log(config, facts);
    if (!slot_driver_read(config, &now, &ignored))
        status_compare_log(facts, &now);
    unfinished_add(config, &now);
    status_add_lost(config, facts, &now);
    facts_free(&now);
}

static void status_read_tasks(const struct device_config *config, struct facts *facts)
{
    struct buffer tasks = {0};

    for (size_t i = 0; i < config->allowed_tasks.count; i++)
        buffer_printf(&tasks, "%s%s", i ? " " : "", config->allowed_tasks.item[i]);
    facts_set(facts, "task", config->task);
    facts_set(facts, "allowed-tasks", tasks.len ? buffer_text(&tasks) : config->task);
    buffer_free(&tasks);
}

/* Which kinds of firmware the updater takes. An adapter says so itself, if it can work here; a
 * program of another name may be anything with fwup's options. */
static void status_read_kinds(const struct device_config *config, struct updater *u,
                              struct facts *facts)
{
    struct error ignored;

    if (u->driver == &updater_fwpack || !strcmp(u->name, "fwup"))
        facts_set(facts, "accepts", "fw");
    else if (u->driver->is_adapter && !updater_identify(u, config, &ignored) && *u->accepts)
        facts_set(facts, "accepts", u->accepts);
}

static void status_read_abilities(const struct device_config *config, struct facts *facts)
{
    struct buffer verbs = {0};
    struct updater updater;
    struct error ignored;
    bool found = !updater_find(&updater, config, &ignored);

    request_list_verbs(&verbs, assembly_is_possible(config));
    if (found && updater.driver->can_stage)
        buffer_add_text(&verbs, " stage");
    buffer_add_text(&verbs, " sha256");
    facts_set(facts, "can", buffer_text(&verbs));
    facts_set(facts, "staged", stage_is_there(config) ? "yes" : "no");
    facts_set(facts, "fwsshd", own_version);
    facts_set(facts, "updater", found ? updater.name : "missing");
    facts_set(facts, "signatures", updater_path_signatures(config));
    if (found)
        status_read_kinds(config, &updater, facts);
    buffer_free(&verbs);
    updater_free(&updater);
}

int status_read(const struct device_config *config, bool volatile_key, struct facts *facts,
                struct error *err)
{
    bool forgets = volatile_key || status_is_volatile(config->state_dir);

    if (slot_driver_read(config, facts, err))
        return -1;
    slot_file_add(config, facts);
    unfinished_add(config, facts);
    status_read_abilities(config, facts);
    status_read_tasks(config, facts);
    /* fwssh-agent knows nothing of the SSH server's. */
    if (!config->own_program)
        facts_set(facts, "host-key", forgets ? "volatile" : "kept");
    status_take_log(config, facts);
    status_compare_log(facts, facts);
    return 0;
}

/* There may be more than one. */
static void status_add_problem(void *facts, const char *what, const char *problem)
{
    const char *before = facts_get(facts, "problem");

    (void)what;
    if (problem)
        facts_printf(facts, "problem", "%s%s%s", before, *before ? "; " : "", problem);
}

void status_read_update(const struct device_config *config, struct facts *facts)
{
    struct updater updater;
    struct error err;

    facts_set(facts, "task", config->task);
    if (!updater_find(&updater, config, &err))
        facts_set(facts, "updater", updater.program);
    updater_free(&updater);
    char *device = device_path_find(config, &err);
    if (device)
        facts_set(facts, "device", device);
    facts_set(facts, "signatures", updater_path_signatures(config));
    free(device);
    (void)self_check(config, status_add_problem, facts);
    if (version_floor_test(config, &err))
        status_add_problem(facts, "versions", err.text);
}
