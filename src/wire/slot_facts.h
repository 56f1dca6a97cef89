/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a device reports about its firmware slots, as facts (wire/facts.h), all of them optional:
 *
 *   active, next           the slot that runs; the one that boots next
 *   pending                new: next was written and has not booted yet; fallback: what runs is on
 *                          trial, and next is the old one; no
 *   unfinished             the slot that may be incomplete (device/receive/unfinished.h)
 *   conflict               what contradicts itself, in words
 *   confirmed              yes, no, or unknown: whether the running firmware is marked as good;
 *                          none: this device has no such mark, and does not go back by itself
 *   tries-left             how often it may still boot unconfirmed
 *   slot.X.product, .version, .platform, .architecture, .uuid    what is in slot X
 *   slot.X.sha256          of the file that fwssh wrote into slot X
 *   product, version ...   the same for the running slot
 *   serial                 the device's serial number
 *   reason                 why the device went back to the running slot
 */
#ifndef FWSSH_WIRE_SLOT_FACTS_H
#define FWSSH_WIRE_SLOT_FACTS_H

#include "wire/facts.h"

#include <stdbool.h>

enum slot_state {
    SLOT_UNKNOWN,  /* the running or the next slot is unknown */
    SLOT_SETTLED,  /* the running slot also boots next */
    SLOT_PENDING,  /* another slot boots next: an update that has not booted yet */
    SLOT_FALLBACK, /* another slot boots next, unless the running one is confirmed */
};

#define SLOTS_ARE_UNKNOWN                                                                          \
    "which slot runs, or boots next, is not known: updates go on without that check"

enum slot_state slot_facts_state(const struct facts *facts);

/* For the device: sets pending from active and next, unless a driver has set it. */
void slot_facts_set_pending(struct facts *facts);

/* Whether the running firmware is reported as confirmed, or as not confirmed; it may be neither. */
bool slot_facts_are_confirmed(const struct facts *facts);
bool slot_facts_are_unconfirmed(const struct facts *facts);

/* Whether the device is known to have nothing to confirm. */
bool slot_facts_need_no_confirmation(const struct facts *facts);

/* The other one of "a" and "b" (or "A" and "B"); "" for any other name. */
const char *slot_facts_other(const char *slot);

/* Whether this firmware is running: compared by UUID if the device reports one, else by version
 * (NULL: unknown). */
bool slot_facts_run(const struct facts *facts, const char *uuid, const char *version);

/* Whether the fact "can" contains the word. */
bool slot_facts_can(const struct facts *facts, const char *word);

/* The slot into which a file with this SHA-256 was written, *len bytes of a fact's name; NULL if
 * none is known. */
const char *slot_facts_slot_with(const struct facts *facts, const char *sha256, size_t *len);

#endif
