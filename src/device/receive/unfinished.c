/* SPDX-License-Identifier: Apache-2.0 */
#include "device/receive/unfinished.h"

#include "base/io.h"
#include "device/config/state_dir.h"
#include "device/receive/stage.h"
#include "wire/slot_facts.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define UNFINISHED_MAX 256

/* Whether a note stands while this slot runs ("": unknown). One that cannot be read does. */
static bool unfinished_stands(const struct device_config *config, const char *active)
{
    char *path = state_dir_path(config, UNFINISHED_NAME);
    struct buffer text = {0};
    struct facts note = {0};
    struct error ignored;

    bool stands = state_dir_has(config, UNFINISHED_NAME, &ignored) > 0;
    if (stands && !io_read_regular_file(path, UNFINISHED_MAX, &text, &ignored)) {
        facts_parse(&note, buffer_text(&text));
        const char *ran = facts_get(&note, "active");
        stands = !*ran || !*active || !strcasecmp(ran, active);
    }
    facts_free(&note);
    buffer_free(&text);
    free(path);
    return stands;
}

int unfinished_begin(const struct device_config *config, const char *active, bool *stood,
                     struct error *err)
{
    struct facts note = {0};
    struct buffer text = {0};

    *stood = unfinished_stands(config, active);
    facts_set(&note, "active", active);
    facts_print(&note, &text);
    int rc = *stood ? 0 : state_dir_write(config, UNFINISHED_NAME, text.data, text.len, err);
    buffer_free(&text);
    facts_free(&note);
    return rc;
}

int unfinished_end(const struct device_config *config, struct error *err)
{
    return state_dir_remove(config, UNFINISHED_NAME, err);
}

void unfinished_add(const struct device_config *config, struct facts *facts)
{
    const char *active = facts_get(facts, "active"), *other = slot_facts_other(active);

    if (unfinished_stands(config, active))
        facts_set(facts, "unfinished", *other ? other : "yes");
}

static int unfinished_refuse(const struct device_config *config, const char *other,
                             struct error *err)
{
    const char *slot = *other ? "slot " : "the other slot";

    if (stage_is_there(config))
        return error_set(err, EXIT_REFUSED,
                         "%s%s holds a staged firmware that was not activated, and no longer the "
                         "one before; nothing was changed. Boot it with fwssh activate HOST",
                         slot, other);
    return error_set(
        err, EXIT_REFUSED,
        "%s%s may be incomplete: an update was begun and did not end well; nothing "
        "was changed. Push again first; or, if you know that it is whole, remove %s/%s "
        "on the device",
        slot, other, config->state_dir, UNFINISHED_NAME);
}

/* Whether the facts say what is in the other slot: archives that tell that remove it before they
 * write, and set it at the end. */
static bool unfinished_is_described(const struct facts *facts, const char *other)
{
    char name[sizeof "slot.x.version"] = "slot.x.version";

    if (!other[0] || other[1])
        return false;
    name[sizeof "slot." - 1] = other[0];
    return *facts_get(facts, name);
}

int unfinished_check(const struct device_config *config, const struct facts *facts, bool knows,
                     struct error *err)
{
    const char *active = facts_get(facts, "active"), *other = slot_facts_other(active);

    if (unfinished_stands(config, active))
        return unfinished_refuse(config, other, err);
    if (knows || unfinished_is_described(facts, other) || !state_dir_try(config, err))
        return 0;
    err->status = EXIT_REFUSED;
    return error_suffix(err, "so an update that was cut off may have left the other slot "
                             "incomplete, and nobody would know; nothing was changed");
}
