/* SPDX-License-Identifier: Apache-2.0 */
#include "device/receive/version_settle.h"

#include "base/io.h"
#include "device/config/state_dir.h"
#include "device/slots/slot_driver.h"
#include "device/updaters/version_floor.h"
#include "wire/pending_version.h"
#include "wire/slot_facts.h"

#include <stdlib.h>
#include <string.h>

static int version_settle_load(const struct device_config *config, struct pending_versions *list,
                               struct error *err)
{
    char *path = state_dir_path(config, VERSION_FLOOR_PENDING);
    struct buffer text = {0};
    int rc = io_read_regular_file(path, PENDING_VERSION_MAX, &text, err);

    if (!rc && pending_version_parse(text.data, text.len, list))
        rc = error_set(err, EXIT_FAILED, "%s is damaged", path);
    buffer_free(&text);
    free(path);
    return rc;
}

static int version_settle_store(const struct device_config *config,
                                const struct pending_versions *list, struct error *err)
{
    struct buffer text = {0};

    if (!list->count)
        return state_dir_remove(config, VERSION_FLOOR_PENDING, err);
    pending_version_print(list, &text);
    int rc = state_dir_write(config, VERSION_FLOOR_PENDING, text.data, text.len, err);
    buffer_free(&text);
    return rc;
}

/* Where the device does not report what runs, the latest firmware does, after another start. */
static bool version_settle_runs(const struct pending_version *p, bool latest,
                                const struct facts *facts)
{
    if (*facts_get(facts, "uuid") || *facts_get(facts, "version"))
        return slot_facts_run(facts, p->uuid, p->version);
    return latest && strcmp(p->boot_id, facts_get(facts, "boot-id")) != 0;
}

static int version_settle_each(const struct device_config *config, struct pending_versions *list,
                               const struct facts *facts, struct error *err)
{
    bool changed = false;

    for (size_t i = 0; i < list->count; i++) {
        const struct pending_version *p = &list->item[i];
        if (!version_settle_runs(p, !i, facts))
            continue;
        if (version_is_valid(p->version) && version_floor_raise(config, p->version, err))
            return -1;
        pending_version_drop(list, i--);
        changed = true;
        if (!*facts_get(facts, "uuid") && !*facts_get(facts, "version"))
            break; /* the ones before it do not run */
    }
    return changed ? version_settle_store(config, list, err) : 0;
}

/* The file does not say any longer which version was installed, but the device may. */
static int version_settle_damaged(const struct device_config *config, const struct facts *facts,
                                  struct error *err)
{
    const char *version = facts_get(facts, "version");
    struct error failure;

    error_suffix(err, "the version that runs counts instead (%s)", *version ? version : "unknown");
    if ((!version_is_valid(version) || !version_floor_raise(config, version, &failure)) &&
        !state_dir_remove(config, VERSION_FLOOR_PENDING, &failure))
        return 1;
    *err = failure;
    return -1;
}

/* What runs is on trial, or nobody knows what does. */
static bool version_settle_is_early(const struct facts *facts)
{
    return slot_facts_are_unconfirmed(facts) || slot_facts_state(facts) == SLOT_FALLBACK ||
           *facts_get(facts, "conflict");
}

int version_settle(const struct device_config *config, struct error *err)
{
    struct pending_versions list = {0};
    struct facts facts = {0};
    struct error ignored;

    int there = config->refuse_older ? state_dir_has(config, VERSION_FLOOR_PENDING, err) : 0;
    if (there <= 0)
        return there;
    int rc = 0;
    if (!slot_driver_read(config, &facts, &ignored) && !version_settle_is_early(&facts))
        rc = version_settle_load(config, &list, err)
                 ? version_settle_damaged(config, &facts, err)
                 : version_settle_each(config, &list, &facts, err);
    facts_free(&facts);
    return rc < 0 ? error_prefix(err, "cannot record the newest version (key refuse-older)") : rc;
}
