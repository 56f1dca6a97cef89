/* SPDX-License-Identifier: Apache-2.0 */
#include "host/command/wait.h"

#include "base/io.h"
#include "host/remote/interrupt.h"
#include "wire/slot_facts.h"

#include <stdio.h>
#include <string.h>

#define WAIT_FIRST_PAUSE 0.5
#define WAIT_LONGEST_PAUSE 5.0

static void wait_ask(const struct wait *w, enum request_verb verb, bool impatient,
                     struct question *q)
{
    struct request request = {.verb = verb};

    if (w->agentless) {
        struct ssh_call call = agentless_call(w->agentless);
        question_ask_through(q, &call, &request);
    } else {
        agentless_ask(q, &w->o->reach, w->host, &request, impatient);
    }
}

static bool wait_key_is_volatile(const struct wait *w)
{
    return !strcmp(facts_get(&w->before.facts, "host-key"), "volatile");
}

int wait_begin(struct wait *w)
{
    wait_ask(w, REQUEST_STATUS, false, &w->before);
    if (w->before.unknown) {
        console_note(w->console, "The device does not offer the subsystem fwssh: what it runs "
                                 "after the update cannot be verified.");
        return EXIT_DONE;
    }
    if (w->before.status)
        return w->before.status;
    if (wait_key_is_volatile(w))
        console_note(w->console, "The device's host key does not survive a reboot (its state-dir "
                                 "is not persistent): its return cannot be verified.");
    return EXIT_DONE;
}

/* Which slot has this very file is known better than a version, which another file may have, too.
 */
static bool wait_runs(const struct wait *w, const struct facts *facts)
{
    const struct firmware_file *f = w->firmware;
    const char *active = facts_get(facts, "active");
    size_t len;

    if (f->kind == FIRMWARE_FW)
        return slot_facts_run(facts, f->uuid, f->version);
    const char *slot = slot_facts_slot_with(facts, f->sha256, &len);
    if (slot)
        return len == strlen(active) && !memcmp(slot, active, len);
    if (*facts_get(facts, "sha256"))
        return false;
    return f->version && !strcmp(facts_get(facts, "version"), f->version);
}

/* Whether the answer says anything that the firmware can be told by. */
static bool wait_can_tell(const struct wait *w, const struct facts *facts)
{
    const struct firmware_file *f = w->firmware;
    size_t len;

    if (f->kind == FIRMWARE_FW)
        return *facts_get(facts, "uuid") || *facts_get(facts, "version");
    return slot_facts_slot_with(facts, f->sha256, &len) || *facts_get(facts, "sha256") ||
           (f->version && *facts_get(facts, "version"));
}

bool wait_runs_already(const struct wait *w)
{
    return wait_runs(w, &w->before.facts);
}

/* State of the loop that queries the device. */
struct wait_loop {
    struct wait *w;
    struct buffer *text;
    struct buffer trouble; /* what was wrong with the last answer, if it was not the way to it */
    double began;
    bool was_away; /* it did not answer, so it may be rebooting */
    bool runs;     /* it has come back with the firmware */
    bool asked_to_confirm;
    bool told_unverified; /* that nothing shows which device answers */
};

static const char *wait_version(const struct facts *facts)
{
    const char *version = facts_get(facts, "version");

    return *version ? version : "unknown";
}

static const char *wait_slot(const struct facts *facts)
{
    const char *slot = facts_get(facts, "active");

    return *slot ? slot : "unknown";
}

/* Asks once. If there is no answer, the device is asked again later; a refusal is final. */
static int wait_confirm(struct wait_loop *l)
{
    struct question q;
    int status = -1;

    wait_ask(l->w, REQUEST_CONFIRM, true, &q);
    if (!q.status) {
        console_note(l->w->console, "Confirmed.");
    } else if (q.status <= EXIT_WIRE_MAX) {
        buffer_printf(l->text, "the device runs the new firmware, but does not confirm it: %s",
                      buffer_text(&q.text));
        status = EXIT_UNCONFIRMED;
    }
    l->asked_to_confirm = !q.status;
    question_free(&q);
    return status;
}

/* Returns -1 to go on asking, else the exit status. */
static int wait_judge_new(struct wait_loop *l, const struct facts *facts)
{
    if (!l->runs) {
        char line[160];
        snprintf(line, sizeof line, "The device is back after %.1f s and runs the firmware.",
                 io_now() - l->began);
        console_note(l->w->console, line);
    }
    l->runs = true;
    if (slot_facts_are_confirmed(facts)) {
        buffer_printf(l->text,
                      "Done: the device runs the new firmware (slot %s, version %s), and "
                      "it is confirmed.",
                      wait_slot(facts), wait_version(facts));
        return EXIT_DONE;
    }
    if (slot_facts_need_no_confirmation(facts)) {
        buffer_printf(l->text,
                      "Done: the device runs the new firmware (slot %s, version %s). There is "
                      "nothing to confirm on it, and so no rollback to protect it.",
                      wait_slot(facts), wait_version(facts));
        return EXIT_DONE;
    }
    if (l->w->o->job.confirm && !l->asked_to_confirm)
        return wait_confirm(l);
    if (slot_facts_are_unconfirmed(facts))
        return -1;
    buffer_add_text(l->text, "the device runs the new firmware, but does not know whether it is "
                             "confirmed");
    return EXIT_UNCONFIRMED;
}

/* Only the version tells what runs, and what ran before has the same one. */
static bool wait_looks_the_same(const struct wait *w, const struct facts *facts)
{
    const struct facts *before = &w->before.facts;
    const char *was = facts_get(before, "active"), *is = facts_get(facts, "active");
    size_t len;

    if (*facts_get(facts, "uuid") || (w->firmware->kind != FIRMWARE_FW &&
                                      slot_facts_slot_with(facts, w->firmware->sha256, &len)))
        return false;
    return wait_runs(w, before) && (!*was || !*is || !strcmp(was, is));
}

static int wait_judge_same(struct wait_loop *l, const struct facts *facts)
{
    buffer_printf(l->text,
                  "the device has rebooted, but had the same version (%s) before: nothing tells "
                  "whether it runs the new firmware",
                  wait_version(facts));
    return EXIT_UNCONFIRMED;
}

static int wait_judge_other(struct wait_loop *l, const struct facts *facts)
{
    const char *reason = facts_get(facts, "reason");

    if (!wait_can_tell(l->w, facts)) {
        buffer_add_text(l->text, "the device has rebooted, but does not know what it runs");
        return EXIT_UNCONFIRMED;
    }
    buffer_printf(l->text, "the device came back with the old firmware (slot %s, version %s): %s",
                  wait_slot(facts), wait_version(facts),
                  *reason ? reason : "no reason given; see its log");
    return EXIT_REVERTED;
}

/*
 * The name may lead to another board by now. A serial number tells, if both answers have one; else
 * a host key that is kept across reboots, which ssh has checked. Returns -1 to go on, else the exit
 * status.
 */
static int wait_judge_identity(struct wait_loop *l, const struct question *q)
{
    const struct facts *facts = &q->facts;
    const char *before = facts_get(&l->w->before.facts, "serial"),
               *now = facts_get(facts, "serial");

    if (*before && *now && strcmp(before, now) != 0) {
        buffer_printf(l->text,
                      "another device answers to this name now: the update went to serial number "
                      "%s, and this is %s; what the first one runs is not known",
                      before, now);
        return EXIT_UNCONFIRMED;
    }
    /* Of another SSH server than fwsshd, ssh has checked that it is the same key as before. */
    bool kept = l->w->o->reach.agentless || !strcmp(facts_get(facts, "host-key"), "kept");
    bool known = (*before && *now) || (q->checks_host_key && kept);
    if (!known && !l->told_unverified)
        console_note(l->w->console, "A new boot, but the device's identity is not verified: it "
                                    "reports no serial number, and its host key is not kept or not "
                                    "checked.");
    l->told_unverified = !known;
    return -1;
}

/* Judges the device's answer. Returns -1 to go on asking, else the exit status. */
static int wait_judge(struct wait_loop *l, const struct question *q)
{
    const struct facts *facts = &q->facts;
    const char *boot = facts_get(facts, "boot-id");

    if (*boot && !strcmp(boot, facts_get(&l->w->before.facts, "boot-id")))
        return -1; /* not rebooted yet */
    int status = wait_judge_identity(l, q);
    if (status >= 0)
        return status;
    if (!wait_runs(l->w, facts))
        return wait_judge_other(l, facts);
    return wait_looks_the_same(l->w, facts) ? wait_judge_same(l, facts) : wait_judge_new(l, facts);
}

/* It is there, but does not say what it runs: that may pass (all its sessions are taken, the slots
 * cannot be read yet). */
static void wait_note_trouble(struct wait_loop *l, const struct question *q)
{
    bool answers = q->answered || q->status == EXIT_REFUSED;

    buffer_printf(&l->trouble, "%s: %s",
                  answers ? "the device answers, but" : "the device cannot be asked what it runs",
                  buffer_text(&q->text));
}

static int wait_look(struct wait_loop *l)
{
    struct question q;
    int status = -1;

    wait_ask(l->w, REQUEST_STATUS, true, &q);
    buffer_clear(&l->trouble);
    if (!q.status) {
        status = wait_judge(l, &q);
    } else if (q.status == EXIT_ACCESS && wait_key_is_volatile(l->w)) {
        buffer_add_text(l->text, "the device answers with a different host key, as announced: what "
                                 "it runs cannot be verified");
        status = EXIT_UNCONFIRMED;
    } else if (q.status == EXIT_ACCESS) {
        buffer_printf(l->text, "after the reboot: %s", buffer_text(&q.text));
        status = EXIT_ACCESS;
    } else if (q.unknown && l->was_away) {
        buffer_add_text(l->text, "the device is back, but it does not say what it runs: this "
                                 "server speaks only the nerves_firmware_ssh protocol");
        status = EXIT_UNCONFIRMED;
    } else if (q.status == EXIT_UNREACHABLE) {
        l->was_away = true;
    } else if (!q.unknown) {
        wait_note_trouble(l, &q);
    }
    question_free(&q);
    return status;
}

static int wait_time_is_up(struct wait_loop *l)
{
    int seconds = l->w->o->job.wait;

    if (l->runs)
        buffer_printf(l->text,
                      "the device runs the new firmware, but it was not confirmed within %d s; "
                      "confirm it with fwssh confirm %s, or it will revert",
                      seconds, l->w->host);
    else if (l->trouble.len)
        buffer_add_text(l->text, buffer_text(&l->trouble));
    else if (l->was_away)
        buffer_printf(l->text, "the device did not come back within %d s", seconds);
    else
        buffer_printf(l->text, "the device did not reboot within %d s", seconds);
    return l->runs || l->trouble.len || !l->was_away ? EXIT_UNCONFIRMED : EXIT_UNREACHABLE;
}

int wait_return(struct wait *w, struct buffer *text)
{
    struct wait_loop l = {.w = w, .text = text, .began = io_now()};
    double pause = WAIT_FIRST_PAUSE;
    int status = -1;

    console_state(w->console, "Waiting for the device to come back ...");
    while (status < 0) {
        interrupt_pause(pause);
        if (interrupt_came()) {
            buffer_add_text(
                text,
                "interrupted while the device was rebooting; check what it runs with fwssh status");
            status = EXIT_INTERRUPTED;
        } else {
            status = wait_look(&l);
        }
        if (status < 0 && io_now() - l.began > w->o->job.wait)
            status = wait_time_is_up(&l);
        pause = pause * 1.5 < WAIT_LONGEST_PAUSE ? pause * 1.5 : WAIT_LONGEST_PAUSE;
    }
    buffer_free(&l.trouble);
    return status;
}

void wait_free(struct wait *w)
{
    question_free(&w->before);
}
