/*
 * What a device says of its firmware slots, as facts (wire/facts.h), all of them optional:
 *
 *   active, next           the slot that runs; the one that boots next
 *   pending                new: next was written and has not booted yet; no
 *   confirmed              yes, no, or unknown: whether the running firmware is to stay
 *   tries-left             how often it may still boot unconfirmed
 *   slot.X.product, .version, .platform, .architecture, .uuid    what is in slot X
 *   product, version ...   the same of the running slot
 *   serial                 the device's serial number
 *   reason                 why the device went back to the slot that runs
 */
#ifndef FWSSH_WIRE_SLOT_FACTS_H
#define FWSSH_WIRE_SLOT_FACTS_H

#include "wire/facts.h"

#include <stdbool.h>

enum slot_state {
    SLOT_UNKNOWN, /* what runs or what boots next is not known */
    SLOT_SETTLED, /* what runs boots next, too */
    SLOT_PENDING, /* another slot boots next: an update that was never started */
};

enum slot_state slot_facts_state(const struct facts *facts);

/* The device's side: sets pending from active and next, unless a driver has. */
void slot_facts_set_pending(struct facts *facts);

/* Whether the running firmware is said to be confirmed; whether it is said not to be. */
bool slot_facts_are_confirmed(const struct facts *facts);
bool slot_facts_are_unconfirmed(const struct facts *facts);

/* Whether the running firmware is this one: by UUID where the device knows one, else by version
 * (NULL: not known). */
bool slot_facts_run(const struct facts *facts, const char *uuid, const char *version);

/* Whether the fact can lists the word. */
bool slot_facts_can(const struct facts *facts, const char *word);

#endif
