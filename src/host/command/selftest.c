/* SPDX-License-Identifier: Apache-2.0 */
#include "host/command/selftest.h"

#include "base/io.h"
#include "base/own_version.h"
#include "engine/archive/bundle.h"
#include "engine/archive/zip_reader.h"
#include "host/agentless/agentless.h"
#include "host/command/firmware_find.h"
#include "host/command/host_config.h"
#include "host/command/push_device.h"
#include "host/command/selftest_report.h"
#include "host/command/wait.h"
#include "host/output/ask_yes.h"
#include "host/remote/interrupt.h"
#include "host/remote/transfer.h"
#include "wire/slot_facts.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* A device that has just lost a client may need a moment to be free again. */
#define SELFTEST_TRIES 5
#define SELFTEST_PAUSE 2
#define SELFTEST_DEFAULT_WAIT 300

struct selftest {
    struct host_options *o;  /* of the command line, for pushes */
    struct host_options own; /* the same with the user's configuration, for questions */
    const char *host;
    struct firmware_file firmware;
    struct console console;
    struct question before; /* the device's status at the start */
    bool pushed;            /* it runs the firmware now */
    bool astray;            /* it is not where the next step begins */
    struct selftest_report report;
};

static void selftest_ask(struct selftest *s, enum request_verb verb, struct question *q)
{
    struct request request = {.verb = verb};

    if (verb == REQUEST_REVERT)
        snprintf(request.reason, sizeof request.reason, "fwssh selftest");
    agentless_ask(q, &s->own.reach, s->host, &request, false);
}

static bool selftest_same(const struct selftest *s, const struct facts *now, const char *name)
{
    return !strcmp(facts_get(&s->before.facts, name), facts_get(now, name));
}

/* Whether the device runs and boots what it did at the start; with the same boot, it has not even
 * rebooted. */
static bool selftest_is_untouched(struct selftest *s, bool same_boot, struct selftest_step *step)
{
    struct question q = {0};

    selftest_ask(s, REQUEST_STATUS, &q);
    bool good = !q.status && selftest_same(s, &q.facts, "active") &&
                selftest_same(s, &q.facts, "next") && selftest_same(s, &q.facts, "uuid") &&
                selftest_same(s, &q.facts, "boot-id") == same_boot;
    s->astray = !good;
    if (!good && q.status)
        buffer_add_text(&step->detail, buffer_text(&q.text));
    question_free(&q);
    return good;
}

static int selftest_push(struct selftest *s, struct transfer_fault *fault,
                         struct selftest_step *step)
{
    const struct push_firmware firmware = {&s->firmware, NULL};
    struct push_history ignored = {0};

    s->o->job.fault = fault;
    int status = push_device_run(s->o, s->host, &firmware, &s->console, &ignored, &step->detail);
    s->o->job.fault = NULL;
    return status;
}

/* The middle of the largest resource of an archive; of another kind, of the file. */
static uint64_t selftest_find_middle(const struct firmware_file *f)
{
    int fd = f->fd;
    struct zip_reader *zip = zip_reader_new(source_from_fd(&fd));
    uint64_t from = 0, largest = 0, middle = f->size / 2;
    struct zip_entry entry;
    struct error ignored;
    int rc = f->kind == FIRMWARE_FW && !lseek(fd, 0, SEEK_SET);

    for (bool is_resource = false; rc > 0;) {
        rc = zip_reader_next(zip, &entry, &ignored);
        uint64_t to = zip_reader_position(zip);
        if (is_resource && to - from > largest) {
            largest = to - from;
            middle = from + largest / 2;
        }
        from = to;
        is_resource = rc > 0 && !strncmp(entry.name, "data/", 5);
    }
    zip_reader_free(zip);
    return middle;
}

static enum selftest_result selftest_damaged(struct selftest *s, struct selftest_step *step)
{
    struct transfer_fault fault = {.damage_at = selftest_find_middle(&s->firmware),
                                   .cut_at = TRANSFER_NEVER};

    if (s->firmware.kind == FIRMWARE_IMAGE)
        return selftest_step_end(step, SELFTEST_SKIPPED,
                                 "a plain image has nothing by which a device could notice");
    int status = selftest_push(s, &fault, step);
    if (!fault.met)
        return selftest_step_end(step, SELFTEST_FAILED,
                                 "it ended before the damage was sent (status %d, %s)", status,
                                 exit_status_text(status));
    bool refused = status == EXIT_FAILED || status == EXIT_MISMATCH;
    if (!selftest_is_untouched(s, true, step))
        selftest_step_end(step, SELFTEST_FAILED, "the device is not as it was before");
    if (!refused)
        selftest_step_end(step, SELFTEST_FAILED, "status %d (%s) in place of a refusal", status,
                          exit_status_text(status));
    return refused && !s->astray
               ? selftest_step_end(step, SELFTEST_PASSED,
                                   "refused (status %d), and nothing was switched", status)
               : SELFTEST_FAILED;
}

static enum selftest_result selftest_cut(struct selftest *s, struct selftest_step *step)
{
    struct transfer_fault fault = {.damage_at = TRANSFER_NEVER, .cut_at = s->firmware.size / 2};
    int status = selftest_push(s, &fault, step);

    if (!fault.met)
        return selftest_step_end(step, SELFTEST_FAILED,
                                 "it ended before the connection was cut (status %d, %s)", status,
                                 exit_status_text(status));
    return selftest_is_untouched(s, true, step)
               ? selftest_step_end(step, SELFTEST_PASSED, "nothing was switched")
               : selftest_step_end(step, SELFTEST_FAILED, "the device is not as it was before");
}

/* Waits until the device has booted again and runs what it ran at the start. text: of the wait. */
static void selftest_await_old(struct selftest *s, const struct question *before,
                               struct buffer *text)
{
    const struct facts *old = &s->before.facts;
    struct firmware_file file = {
        .kind = FIRMWARE_FW, .fd = -1, .version = (char *)facts_get(old, "version")};
    struct wait w = {.o = &s->own,
                     .host = s->host,
                     .firmware = &file,
                     .console = &s->console,
                     .before = *before}; /* still the caller's */

    snprintf(file.uuid, sizeof file.uuid, "%s", facts_get(old, "uuid"));
    int status = wait_return(&w, text);
    if (status == EXIT_DONE || status == EXIT_REVERTED) {
        /* Its words are about a push, where old and new are the other way round. */
        buffer_clear(text);
        buffer_add_text(text, status ? "it came back with another firmware" : "");
    }
}

/* The firmware is damaged, so that it can never boot, however late the plug is pulled. */
static enum selftest_result selftest_plug(struct selftest *s, struct selftest_step *step)
{
    struct transfer_fault fault = {.damage_at = selftest_find_middle(&s->firmware),
                                   .cut_at = TRANSFER_NEVER};

    if (s->o->yes || !ask_yes_is_possible())
        return selftest_step_end(step, SELFTEST_SKIPPED, "nobody could be asked to pull the plug");
    if (!ask_yes("Can you cut the device's power by hand, during the push that starts now?"))
        return selftest_step_end(step, SELFTEST_SKIPPED, "not wanted");
    int status = selftest_push(s, &fault, step);
    if (status != EXIT_UNREACHABLE && status != EXIT_UNCONFIRMED) {
        s->astray = !selftest_is_untouched(s, true, step);
        return selftest_step_end(step, SELFTEST_SKIPPED,
                                 "the push was over before the plug was pulled (status %d)",
                                 status);
    }
    if (!ask_yes("Is its power on again?"))
        return selftest_step_end(step, SELFTEST_SKIPPED, "not finished");
    buffer_clear(&step->detail);
    selftest_await_old(s, &s->before, &step->detail);
    return selftest_is_untouched(s, false, step)
               ? selftest_step_end(step, SELFTEST_PASSED, "the device runs what it ran before")
               : selftest_step_end(step, SELFTEST_FAILED,
                                   "the device did not come back as it was before");
}

static enum selftest_result selftest_whole(struct selftest *s, struct selftest_step *step)
{
    int status = selftest_push(s, NULL, step);

    for (int i = 1; status == EXIT_REFUSED && i < SELFTEST_TRIES && !interrupt_came(); i++) {
        interrupt_pause(SELFTEST_PAUSE);
        buffer_clear(&step->detail);
        status = selftest_push(s, NULL, step);
    }
    s->pushed = !status;
    return s->pushed ? selftest_step_end(step, SELFTEST_PASSED,
                                         "the device has rebooted and runs the firmware")
                     : selftest_step_end(step, SELFTEST_FAILED, "status %d (%s)", status,
                                         exit_status_text(status));
}

static enum selftest_result selftest_judge_revert(struct selftest *s, const struct question *pushed,
                                                  struct selftest_step *step)
{
    struct question q = {0};

    selftest_await_old(s, pushed, &step->detail);
    selftest_ask(s, REQUEST_STATUS, &q);
    const char *boot = facts_get(&q.facts, "boot-id");
    bool back = !q.status && selftest_same(s, &q.facts, "active") &&
                selftest_same(s, &q.facts, "uuid") && selftest_same(s, &q.facts, "version") &&
                strcmp(boot, facts_get(&pushed->facts, "boot-id")) != 0;
    question_free(&q);
    return back ? selftest_step_end(step, SELFTEST_PASSED,
                                    "the device has rebooted and runs what it ran before")
                : selftest_step_end(step, SELFTEST_FAILED,
                                    "the device does not run what it ran before");
}

static enum selftest_result selftest_rollback(struct selftest *s, struct selftest_step *step)
{
    struct question pushed = {0}, q = {0};
    enum selftest_result result;

    if (!s->pushed)
        return selftest_step_end(step, SELFTEST_SKIPPED, "there is no new firmware to leave");
    selftest_ask(s, REQUEST_STATUS, &pushed);
    if (!pushed.status)
        selftest_ask(s, REQUEST_REVERT, &q);
    const struct question *asked = pushed.status ? &pushed : &q;
    if (asked->status) {
        buffer_add_text(&step->detail, buffer_text(&asked->text));
        result = selftest_step_end(
            step, asked->status == EXIT_REFUSED ? SELFTEST_SKIPPED : SELFTEST_FAILED,
            asked->status == EXIT_REFUSED ? "the device has refused to revert (status %d, %s)"
                                          : "status %d (%s)",
            asked->status, exit_status_text(asked->status));
    } else {
        result = selftest_judge_revert(s, &pushed, step);
    }
    question_free(&pushed);
    question_free(&q);
    return result;
}

/* In this order: what must change nothing comes before what does. */
static const struct {
    const char *name, *what;
    enum selftest_result (*run)(struct selftest *s, struct selftest_step *step);
} selftest_steps[] = {
    {"damaged push", "the device must refuse it, with an error", selftest_damaged},
    {"cut push", "the connection ends in the middle", selftest_cut},
    {"pulled plug", "the power ends in the middle", selftest_plug},
    {"push", "must work, whatever was before", selftest_whole},
    {"rollback", "back to the firmware from before", selftest_rollback},
};

static void selftest_run_steps(struct selftest *s)
{
    for (size_t i = 0; i < sizeof selftest_steps / sizeof *selftest_steps; i++) {
        struct selftest_step step = {0};
        double began = io_now();
        printf("\n--- %s: %s\n", selftest_steps[i].name, selftest_steps[i].what);
        fflush(stdout);
        if (interrupt_came())
            selftest_step_end(&step, SELFTEST_SKIPPED, "interrupted");
        else if (s->astray)
            selftest_step_end(&step, SELFTEST_SKIPPED, "a step before has left another state");
        else
            selftest_steps[i].run(s, &step);
        selftest_report_add(&s->report, selftest_steps[i].name, &step, io_now() - began);
        selftest_step_free(&step);
    }
}

static void selftest_report_fact(struct selftest *s, const char *label, const char *name)
{
    const char *value = facts_get(&s->before.facts, name);

    buffer_printf(&s->report.text, ", %s %s", label, *value ? value : "unknown");
}

static void selftest_report_begin(struct selftest *s)
{
    struct buffer *text = &s->report.text;
    const char *version = facts_get(&s->before.facts, "fwsshd");

    buffer_printf(text, "fwssh selftest, report 1\nhost: fwssh %s\ndevice: fwsshd %s", own_version,
                  *version ? version : "unknown");
    selftest_report_fact(s, "updater", "updater");
    selftest_report_fact(s, "slot driver", "driver");
    selftest_report_fact(s, "signatures", "signatures");
    selftest_report_fact(s, "confirmed", "confirmed");
    buffer_printf(text, "\nfirmware: %s, %llu bytes\n", bundle_word(s->firmware.kind),
                  (unsigned long long)s->firmware.size);
    if (!s->report.full)
        return;
    buffer_printf(text, "name: %s\nfile: %s\n", s->host, s->firmware.path);
    for (size_t i = 0; i < s->before.facts.count; i++)
        buffer_printf(text, "  %-18s %s\n", s->before.facts.fact[i].name,
                      s->before.facts.fact[i].value);
}

/* Whether the device is in a state from which the steps can be judged. */
static int selftest_look(struct selftest *s, struct error *err)
{
    const struct facts *facts = &s->before.facts;

    selftest_ask(s, REQUEST_STATUS, &s->before);
    if (s->before.status)
        return error_set(err, (enum exit_status)s->before.status, "%s",
                         buffer_text(&s->before.text));
    if (!*facts_get(facts, "boot-id") || !*facts_get(facts, "active"))
        return error_set(err, EXIT_REFUSED,
                         "the device does not say which slot it runs, so nothing could be judged; "
                         "see fwssh status %s",
                         s->host);
    if (slot_facts_state(facts) != SLOT_SETTLED)
        return error_set(err, EXIT_REFUSED,
                         "another slot boots next than the one that runs; reboot the device, or "
                         "confirm what it runs, and start again");
    return 0;
}

static int selftest_may_begin(const struct host_options *o, struct error *err)
{
    char question[300];

    if (o->fleet.by_default || o->fleet.host_count != 1)
        return error_set(err, EXIT_USAGE, "selftest needs the name of one device");
    if (o->yes)
        return 0;
    if (!ask_yes_is_possible())
        return error_set(err, EXIT_USAGE,
                         "selftest overwrites the slot that does not run and reboots the device; "
                         "add --yes if that is wanted");
    snprintf(question, sizeof question,
             "Selftest overwrites the slot of %.150s that does not run, and reboots it twice or "
             "more. Start?",
             o->fleet.hosts[0]);
    return ask_yes(question) ? 0 : error_set(err, EXIT_INTERRUPTED, "nothing was done");
}

/* Returns 0 if the steps could be run, or -1 with the error set. */
static int selftest_work(struct selftest *s, struct error *err)
{
    size_t fit;

    if (selftest_may_begin(s->o, err) ||
        firmware_find(&s->firmware, s->o->job.firmware, s->o->job.target, &fit, err) ||
        host_config_apply(&s->own, s->o, s->host, err) ||
        console_open(&s->console, s->host, &s->o->output, err) || selftest_look(s, err))
        return -1;
    selftest_report_begin(s);
    selftest_run_steps(s);
    return selftest_report_write(&s->report, s->o->report, err);
}

int selftest_run(struct host_options *o)
{
    struct selftest s = {
        .o = o, .host = o->fleet.hosts[0], .firmware = {.fd = -1}, .report = {.full = o->full}};
    struct error err;
    int status = EXIT_DONE;

    interrupt_watch();
    if (!o->job.wait)
        o->job.wait = SELFTEST_DEFAULT_WAIT;
    if (selftest_work(&s, &err)) {
        fprintf(stderr, "fwssh: %s\n", err.text);
        status = (int)err.status;
    } else if (s.report.count[SELFTEST_FAILED]) {
        status = EXIT_FAILED;
    }
    console_close(&s.console);
    question_free(&s.before);
    host_config_drop(&s.own);
    firmware_file_close(&s.firmware);
    selftest_report_free(&s.report);
    return interrupt_came() ? EXIT_INTERRUPTED : status;
}
