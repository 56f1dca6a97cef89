/* SPDX-License-Identifier: Apache-2.0 */
#include "host/command/push_check.h"

#include "base/words.h"
#include "engine/archive/bundle.h"
#include "wire/slot_facts.h"

#include <stdio.h>
#include <string.h>

/* The kinds of firmware that the device takes, as far as it says so. */
static const char *push_check_kinds(const struct facts *facts)
{
    const char *accepts = facts_get(facts, "accepts"), *updater = facts_get(facts, "updater");
    bool ours = !strcmp(updater, "fwup") || !strcmp(updater, "fwpack");

    return *accepts ? accepts : ours ? "fw" : "";
}

/* A device finds out what it cannot use only when it has got all of it. */
static int push_check_kind(const struct wait *w, struct buffer *text)
{
    const struct firmware_file *f = w->firmware;
    const char *taken = push_check_kinds(&w->before.facts);

    if (*taken ? words_contain(taken, bundle_word(f->kind))
               : f->kind == FIRMWARE_FW || w->o->job.force)
        return -1;
    if (*taken)
        buffer_printf(text, "%s is %s, but the device's updater (%s) takes: %s; nothing was sent",
                      f->path, bundle_name(f->kind), facts_get(&w->before.facts, "updater"), taken);
    else
        buffer_printf(text,
                      "%s is %s, and the device does not say whether its updater takes that; "
                      "nothing was sent (--force sends it anyway)",
                      f->path, bundle_name(f->kind));
    return EXIT_MISMATCH;
}

/* Where both say it. A product's name may change with a version, but not what it runs on. */
static int push_check_board(const struct wait *w, struct buffer *text)
{
    const struct firmware_file *f = w->firmware;
    const struct facts *facts = &w->before.facts;
    const char *const names[] = {"platform", "architecture"};
    const char *const wanted[] = {f->platform, f->architecture};

    for (size_t i = 0; i < 2 && !w->o->job.force; i++) {
        const char *has = facts_get(facts, names[i]);
        if (!*has || !wanted[i] || !*wanted[i] || !strcmp(has, wanted[i]))
            continue;
        buffer_printf(
            text,
            "%s is for the %s %s, but the device runs %s; nothing was sent (--force sends "
            "it anyway)",
            f->path, names[i], wanted[i], has);
        return EXIT_MISMATCH;
    }
    return -1;
}

int push_check(const struct wait *w, struct buffer *text)
{
    int status = push_check_kind(w, text);

    return status < 0 ? push_check_board(w, text) : status;
}

bool push_check_is_settled(const struct host_options *o, const struct facts *facts)
{
    return slot_facts_state(facts) != SLOT_PENDING && slot_facts_state(facts) != SLOT_FALLBACK &&
           (!o->job.wait || slot_facts_are_confirmed(facts) ||
            slot_facts_need_no_confirmation(facts));
}

void push_check_name(const struct wait *w)
{
    const char *serial = facts_get(&w->before.facts, "serial");
    char line[200];

    if (!w->o->fleet.by_default || !*serial)
        return;
    snprintf(line, sizeof line, "%s is the device with serial number %.100s.", w->host, serial);
    console_note(w->console, line);
}

void push_check_add_open(const struct wait *w, struct buffer *text)
{
    const struct job_options *job = &w->o->job;

    buffer_add_text(text, job->no_reboot || job->stage
                              ? " Not checked: that it boots and is confirmed then."
                              : " Not checked: that the device comes back, runs it and confirms it "
                                "(--wait checks).");
    if (!strcmp(facts_get(&w->before.facts, "signatures"), "off"))
        buffer_add_text(text, " Nor is a signature: the device has signatures=off.");
}
