#include "host/command/wait.h"

#include "base/io.h"
#include "host/remote/transfer.h"

#include <stdio.h>
#include <string.h>

#define WAIT_FIRST_PAUSE 0.5
#define WAIT_LONGEST_PAUSE 5.0

static bool wait_key_is_volatile(const struct wait *w)
{
    return !strcmp(facts_get(&w->before.facts, "host-key"), "volatile");
}

int wait_begin(struct wait *w, const struct push_options *o, const char *host,
               struct console *console)
{
    struct remote_answer *b = &w->before;

    remote_ask(o, host, "status", false, b);
    if (b->unknown) {
        console_note(console, "The device cannot be asked what it runs (it does not offer the "
                              "subsystem fwssh): its return will not be verified.");
        return EXIT_DONE;
    }
    if (b->status)
        return b->status;
    if (wait_key_is_volatile(w))
        console_note(console, "The device's host key does not survive a reboot (its state-dir is "
                              "not kept): its return cannot be verified.");
    return EXIT_DONE;
}

bool wait_runs(const struct facts *facts, const struct firmware_file *firmware)
{
    const char *uuid = facts_get(facts, "uuid"), *version = facts_get(facts, "version");

    if (*uuid)
        return !strcmp(uuid, firmware->uuid);
    return *version && firmware->version && !strcmp(version, firmware->version);
}

/* What a loop around the device's answers knows. */
struct wait_loop {
    const struct push_options *o;
    const char *host;
    const struct firmware_file *firmware;
    struct console *console;
    struct wait *w;
    struct buffer *text;
    double began;
    bool was_away; /* it did not answer, as while it reboots */
    bool runs;     /* it has come back with the firmware */
    bool asked_to_confirm;
};

static const char *wait_version(const struct facts *facts)
{
    const char *version = facts_get(facts, "version");

    return *version ? version : "of unknown version";
}

/* Once. A device that does not answer is asked again; one that refuses has had its say. */
static int wait_confirm(struct wait_loop *l)
{
    struct remote_answer answer;
    int status = -1;

    remote_ask(l->o, l->host, "confirm", true, &answer);
    if (!answer.status) {
        console_note(l->console, "Confirmed.");
    } else if (answer.status <= EXIT_WIRE_MAX) {
        buffer_printf(l->text, "the device runs the new firmware, but does not confirm it: %s",
                      buffer_text(&answer.text));
        status = EXIT_UNCONFIRMED;
    }
    l->asked_to_confirm = !answer.status;
    remote_free(&answer);
    return status;
}

/* -1: go on asking. */
static int wait_judge_new(struct wait_loop *l, struct remote_answer *a)
{
    const char *confirmed = facts_get(&a->facts, "confirmed");

    if (!l->runs) {
        char line[160];
        snprintf(line, sizeof line, "The device is back after %.1f s and runs the firmware.",
                 io_now() - l->began);
        console_note(l->console, line);
    }
    l->runs = true;
    if (!strcmp(confirmed, "yes")) {
        buffer_printf(l->text,
                      "Done: the device runs the new firmware (slot %s, version %s), and "
                      "it is confirmed.",
                      facts_get(&a->facts, "active"), wait_version(&a->facts));
        return EXIT_DONE;
    }
    if (l->o->confirm && !l->asked_to_confirm)
        return wait_confirm(l);
    if (strcmp(confirmed, "no")) {
        buffer_add_text(l->text, "the device runs the new firmware, but cannot tell whether it is "
                                 "confirmed");
        return EXIT_UNCONFIRMED;
    }
    return -1;
}

static int wait_judge_other(struct wait_loop *l, const struct facts *facts)
{
    const char *reason = facts_get(facts, "reason");

    if (!*facts_get(facts, "uuid") && !*facts_get(facts, "version")) {
        buffer_add_text(l->text, "the device has rebooted, but does not know what it runs");
        return EXIT_UNCONFIRMED;
    }
    buffer_printf(l->text, "the device came back with the old firmware (slot %s, version %s): %s",
                  facts_get(facts, "active"), wait_version(facts),
                  *reason ? reason : "it does not know why; see its log");
    return EXIT_REVERTED;
}

/* The answers of a device that can be asked. -1: go on. */
static int wait_judge(struct wait_loop *l, struct remote_answer *a)
{
    const char *boot = facts_get(&a->facts, "boot-id");
    const char *before = facts_get(&l->w->before.facts, "boot-id");

    if (*boot && !strcmp(boot, before))
        return -1; /* not rebooted yet */
    if (wait_runs(&a->facts, l->firmware))
        return wait_judge_new(l, a);
    return wait_judge_other(l, &a->facts);
}

static int wait_ask(struct wait_loop *l)
{
    struct remote_answer a;
    int status = -1;

    remote_ask(l->o, l->host, "status", true, &a);
    if (!a.status) {
        status = wait_judge(l, &a);
    } else if (a.status == EXIT_ACCESS && wait_key_is_volatile(l->w)) {
        buffer_add_text(l->text, "the device answers with another host key, as it said that it "
                                 "would: what it runs cannot be verified");
        status = EXIT_UNCONFIRMED;
    } else if (a.status == EXIT_ACCESS) {
        buffer_printf(l->text, "after the reboot: %s", buffer_text(&a.text));
        status = EXIT_ACCESS;
    } else if (a.unknown && l->was_away) {
        buffer_add_text(l->text, "the device is back, but it cannot be asked what it runs (it "
                                 "speaks the origin's protocol only)");
        status = EXIT_UNCONFIRMED;
    } else if (!a.unknown) {
        l->was_away = true;
    }
    remote_free(&a);
    return status;
}

static int wait_time_is_up(struct wait_loop *l)
{
    if (l->runs)
        buffer_printf(l->text,
                      "the device runs the new firmware, but it was not confirmed within %d s; "
                      "confirm it with fwssh confirm %s, or it will go back",
                      l->o->wait, l->host);
    else if (l->was_away)
        buffer_printf(l->text, "the device did not come back within %d s", l->o->wait);
    else
        buffer_printf(l->text, "the device did not reboot within %d s", l->o->wait);
    return l->runs || !l->was_away ? EXIT_UNCONFIRMED : EXIT_UNREACHABLE;
}

int wait_return(struct wait *w, const struct push_options *o, const char *host,
                const struct firmware_file *firmware, struct console *console, struct buffer *text)
{
    struct wait_loop l = {.o = o,
                          .host = host,
                          .firmware = firmware,
                          .console = console,
                          .w = w,
                          .text = text,
                          .began = io_now()};
    double pause = WAIT_FIRST_PAUSE;
    int status = -1;

    console_state(console, "Waiting for the device to come back ...");
    while (status < 0) {
        transfer_pause(pause);
        if (transfer_is_interrupted()) {
            buffer_add_text(text, "interrupted while the device rebooted; see what it runs with "
                                  "fwssh status");
            return EXIT_INTERRUPTED;
        }
        status = wait_ask(&l);
        if (status < 0 && io_now() - l.began > o->wait)
            status = wait_time_is_up(&l);
        pause = pause * 1.5 < WAIT_LONGEST_PAUSE ? pause * 1.5 : WAIT_LONGEST_PAUSE;
    }
    return status;
}

void wait_free(struct wait *w)
{
    remote_free(&w->before);
}
