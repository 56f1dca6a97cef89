/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/slot_facts.h"

#include "base/words.h"

#include <string.h>
#include <strings.h>

static bool slot_fact_is(const struct facts *facts, const char *name, const char *value)
{
    return !strcmp(facts_get(facts, name), value);
}

static enum slot_state slot_facts_compare(const struct facts *facts)
{
    const char *active = facts_get(facts, "active"), *next = facts_get(facts, "next");

    if (!*active || !*next)
        return SLOT_UNKNOWN;
    return strcasecmp(active, next) ? SLOT_PENDING : SLOT_SETTLED;
}

/* The values of pending, for each state that it can express. */
static const char *const slot_pending[] = {
    [SLOT_SETTLED] = "no", [SLOT_PENDING] = "new", [SLOT_FALLBACK] = "fallback"};

enum slot_state slot_facts_state(const struct facts *facts)
{
    for (int state = SLOT_SETTLED; state <= SLOT_FALLBACK; state++)
        if (slot_fact_is(facts, "pending", slot_pending[state]))
            return (enum slot_state)state;
    return slot_facts_compare(facts);
}

void slot_facts_set_pending(struct facts *facts)
{
    enum slot_state state = slot_facts_state(facts);

    if (state != SLOT_UNKNOWN)
        facts_set(facts, "pending", slot_pending[state]);
}

bool slot_facts_are_confirmed(const struct facts *facts)
{
    return slot_fact_is(facts, "confirmed", "yes");
}

bool slot_facts_are_unconfirmed(const struct facts *facts)
{
    return slot_fact_is(facts, "confirmed", "no");
}

bool slot_facts_need_no_confirmation(const struct facts *facts)
{
    return slot_fact_is(facts, "confirmed", "none");
}

const char *slot_facts_other(const char *slot)
{
    static const char *const pairs[] = {"a", "b", "A", "B"};

    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
        if (!strcmp(slot, pairs[i]))
            return pairs[i ^ 1];
    return "";
}

bool slot_facts_run(const struct facts *facts, const char *uuid, const char *version)
{
    const char *has = facts_get(facts, "version");

    if (*facts_get(facts, "uuid"))
        return slot_fact_is(facts, "uuid", uuid);
    return *has && version && !strcmp(has, version);
}

bool slot_facts_can(const struct facts *facts, const char *word)
{
    return words_contain(facts_get(facts, "can"), word);
}

const char *slot_facts_slot_with(const struct facts *facts, const char *sha256, size_t *len)
{
    static const char start[] = "slot.", end[] = ".sha256";

    for (size_t i = 0; i < facts->count; i++) {
        const char *name = facts->fact[i].name;
        size_t size = strlen(name);
        if (size <= sizeof start + sizeof end - 2 || strncmp(name, start, sizeof start - 1) ||
            strcmp(name + size - (sizeof end - 1), end) || strcmp(facts->fact[i].value, sha256))
            continue;
        *len = size - (sizeof start - 1) - (sizeof end - 1);
        return name + sizeof start - 1;
    }
    return NULL;
}
