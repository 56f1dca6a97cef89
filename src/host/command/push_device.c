/* SPDX-License-Identifier: Apache-2.0 */
#include "host/command/push_device.h"

#include "base/io.h"
#include "host/command/host_config.h"
#include "host/command/push_adaptive.h"
#include "host/command/push_check.h"
#include "host/command/push_outcome.h"
#include "host/command/wait.h"
#include "host/remote/interrupt.h"
#include "host/remote/server_software.h"
#include "host/remote/transfer.h"
#include "wire/header.h"
#include "wire/request.h"
#include "wire/slot_facts.h"
#include "wire/subsystem.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Seconds before another try: 2, 4, 8 and so on, up to 64. */
#define PUSH_FIRST_PAUSE 2
#define PUSH_PAUSE_STEPS 5

/* Without a UUID, the device is told what it gets, and says later whether it runs it. */
static bool push_tells_hash(const struct wait *w)
{
    return w->firmware->kind != FIRMWARE_FW && slot_facts_can(&w->before.facts, "sha256") &&
           !strcmp(w->o->reach.subsystem, SUBSYSTEM_NERVES);
}

static void push_request(const struct wait *w, enum request_verb verb, struct buffer *line)
{
    const struct job_options *job = &w->o->job;
    struct request request = {.verb = verb,
                              .size = w->firmware->size,
                              .reboot = !job->no_reboot && !job->stage,
                              .stage = job->stage};

    snprintf(request.task, sizeof request.task, "%s", job->task ? job->task : "");
    if (push_tells_hash(w))
        memcpy(request.sha256, w->firmware->sha256, sizeof request.sha256);
    request_print(&request, line);
}

/* The line that the subsystem expects before the firmware; fwup has none. */
static void push_header(const struct wait *w, const char *subsystem, struct buffer *line)
{
    struct header header = {
        .count = 1, .size = {w->firmware->size}, .reboot = !w->o->job.no_reboot};

    if (!strcmp(subsystem, SUBSYSTEM_FWSSH))
        push_request(w, REQUEST_UPDATE, line);
    else if (strcmp(subsystem, SUBSYSTEM_FWUP))
        header_print(&header, line);
}

static void push_note_times(const struct transfer *t)
{
    char line[120];

    snprintf(line, sizeof line, "Sent in %.1f s, written in another %.1f s.",
             t->all_sent - t->ssh.began, t->ssh.ended - t->all_sent);
    console_note(t->console, line);
}

/* Whether the device runs fwsshd: it has said so before, or says so now. */
static bool push_is_fwsshd(const struct wait *w)
{
    const struct request request = {.verb = REQUEST_STATUS};
    struct question q;

    if (*facts_get(&w->before.facts, "fwsshd"))
        return true;
    question_ask(&q, &w->o->reach, w->host, &request, false);
    bool found = !q.status && *facts_get(&q.facts, "fwsshd");
    question_free(&q);
    return found;
}

/* One push, plain or adaptive. */
struct push_try {
    struct wait *w;
    const struct ssh_target *target;
    bool late;           /* the time of --timeout is up */
    bool sent;           /* what can be sent has been */
    bool over;           /* nothing was sent on purpose: there is nothing to wait for */
    struct buffer *text; /* gets the line for the user */
};

static struct ssh_call push_call(const struct push_try *try, bool asks)
{
    const struct host_options *o = try->w->o;

    if (try->w->agentless)
        return agentless_call(try->w->agentless);
    return (struct ssh_call){.reach = &o->reach,
                             .target = try->target,
                             .subsystem = asks ? SUBSYSTEM_FWSSH : o->reach.subsystem,
                             .exec = o->reach.exec};
}

static struct transfer push_transfer(const struct wait *w, const struct buffer *header, bool asks)
{
    return (struct transfer){.header = buffer_text(header),
                             .until = reach_end(&w->o->reach, 0),
                             .asks = asks,
                             .fault = w->o->job.fault,
                             .firmware = w->firmware,
                             .console = w->console};
}

static int push_judge(struct push_try *try, const struct transfer *t)
{
    const struct host_options *o = try->w->o;
    bool trusted = push_outcome_is_doubtful(o, t) && push_is_fwsshd(try->w);
    int status = push_outcome(o, t, try->target, trusted, try->text);

    if (!status && o->job.wait)
        push_note_times(t);
    else if (!status)
        push_check_add_open(try->w, try->text);
    return status;
}

/* Before the whole firmware goes to a device that cannot be sent less. Returns -1 to send. */
static int push_hold_back(struct push_try *try, uint64_t bytes)
{
    const struct adaptive_options *a = &try->w->o->adaptive;
    double size = (double)try->w->firmware->size / 1e6;

    if (!a->dry_run && (!a->max_bytes || bytes <= a->max_bytes))
        return -1;
    try->over = true;
    if (a->max_bytes && bytes > a->max_bytes) {
        buffer_printf(try->text,
                      "more than %llu bytes would have to be sent (--max-bytes), the whole "
                      "firmware; nothing was sent",
                      (unsigned long long)a->max_bytes);
        return EXIT_FAILED;
    }
    buffer_printf(try->text,
                  "Dry run: %.3f of %.1f MB would be sent, the whole firmware, since the device "
                  "does not say what it holds; nothing was written.",
                  size, size);
    return EXIT_DONE;
}

static int push_send_plain(struct push_try *try)
{
    const struct host_options *o = try->w->o;
    bool asks = job_options_need_request(&o->job) || push_tells_hash(try->w) || try->w->agentless ||
                o->job.fault;
    struct ssh_call call = push_call(try, asks);
    struct buffer header = {0};
    struct error err;
    int status;

    push_header(try->w, asks ? SUBSYSTEM_FWSSH : call.subsystem, &header);
    status = push_hold_back(try, try->w->firmware->size + header.len);
    if (status >= 0) {
        buffer_free(&header);
        return status;
    }
    struct transfer t = push_transfer(try->w, &header, asks);
    if (transfer_run(&t, &call, &err)) {
        buffer_add_text(try->text, err.text);
        status = (int)err.status;
    } else {
        status = push_judge(try, &t);
    }
    try->late = t.ssh.late;
    transfer_free(&t);
    buffer_free(&header);
    return status;
}

/* Returns -1 if the device does not do it; nothing was sent then. */
static int push_send_adaptive(struct push_try *try, const struct device_memory *memory)
{
    struct ssh_call call = push_call(try, true);
    struct push_adaptive p = {.memory = *memory};
    struct buffer header = {0};
    struct error err;
    int status = -1;

    push_request(try->w, REQUEST_ASSEMBLE, &header);
    struct transfer t = push_transfer(try->w, &header, true);
    if (push_adaptive_run(&p, try->w, &t, &call, &err)) {
        buffer_add_text(try->text, err.text);
        status = (int)err.status;
    } else if (p.adaptive.ending == ADAPTIVE_RAN) {
        status = push_judge(try, &t);
        if (!status)
            push_adaptive_note(&p, &t);
    } else if (p.adaptive.ending != ADAPTIVE_CANNOT) {
        status = push_adaptive_judge(&p, try->text);
        try->over = true;
    }
    try->late = t.ssh.late;
    push_adaptive_free(&p);
    transfer_free(&t);
    buffer_free(&header);
    return status;
}

/* A plain push asks nothing by itself, and older devices are spared a second login. */
static bool push_has_a_question(const struct push_try *try)
{
    const struct wait *w = try->w;
    const struct reach *reach = &w->o->reach;
    char software[SOFTWARE_MAX + 1];

    if (w->before.facts.count || w->before.unknown || reach->agentless || reach->exec ||
        strcmp(reach->subsystem, SUBSYSTEM_NERVES))
        return false;
    return (w->o->fleet.by_default || (w->firmware->platform && !w->o->job.force)) &&
           server_software_read(reach, try->target, software) && software_is_fwsshd(software) &&
           software_may_assemble(software);
}

/* Asks a device that nobody named who it is, and any whether the firmware is for its board. What
 * else is wrong with it, the push will tell. Returns -1 to start. */
static int push_look(struct push_try *try)
{
    const struct request request = {.verb = REQUEST_STATUS};
    struct wait *w = try->w;

    if (!push_has_a_question(try))
        return -1;
    question_ask(&w->before, &w->o->reach, w->host, &request, false);
    push_check_name(w);
    return w->before.status ? -1 : push_check(w, try->text);
}

static int push_send(struct push_try *try)
{
    struct device_memory memory = {0};
    /* A fault has its place in the firmware as it is. */
    bool wanted = !try->w->o->job.fault && push_adaptive_is_wanted(try->w, try->target, &memory);
    int status = wanted ? push_send_adaptive(try, &memory) : -1;

    if (status < 0)
        status = push_look(try);
    return status < 0 ? push_send_plain(try) : status;
}

/* What an earlier run has updated. */
static int push_skip_done(const struct wait *w, struct buffer *text)
{
    if (!w->before.unknown && w->o->job.wait && !push_check_is_settled(w->o, &w->before.facts)) {
        buffer_add_text(text, "an earlier run has updated it, and it runs the firmware, which is "
                              "not known to be confirmed; nothing was sent (see fwssh status)");
        return EXIT_UNCONFIRMED;
    }
    buffer_printf(text, "Skipped: an earlier run has updated it%s.",
                  w->before.unknown ? "; what it runs now cannot be asked" : "");
    return EXIT_DONE;
}

/* Decides from the device's status, before anything is sent, whether to start. Returns -1 to start,
 * else the exit status. */
static int push_ask_before(struct wait *w, bool done_before, struct buffer *text)
{
    const struct host_options *o = w->o;
    const struct facts *facts = &w->before.facts;
    int status = wait_begin(w);

    if (status) {
        buffer_add_text(text, buffer_text(&w->before.text));
        return status;
    }
    push_check_name(w);
    if (done_before && (w->before.unknown || wait_runs_already(w)))
        return push_skip_done(w, text);
    if (fleet_options_are_used(&o->fleet) && !o->job.force && push_check_is_settled(o, facts) &&
        wait_runs_already(w)) {
        buffer_add_text(
            text, "Skipped: the device already runs this firmware (--force pushes it anyway).");
        return EXIT_DONE;
    }
    if (o->job.stage && !slot_facts_can(facts, "stage")) {
        buffer_printf(text, "the device's updater (%s) cannot stage a firmware; nothing was sent",
                      *facts_get(facts, "updater") ? facts_get(facts, "updater") : "unknown");
        return EXIT_REFUSED;
    }
    return push_check(w, text);
}

static int push_open_agentless(struct wait *w, struct agentless *a, struct buffer *text)
{
    struct error err;

    console_note(w->console, "Bringing fwssh-agent to the device.");
    if (agentless_open(a, &w->o->reach, w->host, false, &err)) {
        buffer_add_text(text, err.text);
        return (int)err.status;
    }
    w->agentless = a;
    return -1;
}

/* All that is done before the device reboots. */
static int push_ask_and_send(struct wait *w, const struct push_history *history,
                             struct push_try *try)
{
    const struct host_options *o = w->o;
    struct agentless a;
    int status = o->reach.agentless ? push_open_agentless(w, &a, try->text) : -1;

    if (status < 0 && (o->job.wait || o->job.stage || fleet_options_are_used(&o->fleet) ||
                       w->firmware->kind != FIRMWARE_FW))
        status = push_ask_before(w, history->done_before, try->text);
    if (status < 0) {
        status = push_send(try);
        try->sent = true;
    }
    w->agentless = NULL;
    if (o->reach.agentless)
        agentless_close(&a);
    return status;
}

static int push_steps(struct wait *w, struct reach *reach, struct push_history *history,
                      struct buffer *text)
{
    const struct host_options *o = w->o;
    struct ssh_target target;
    struct push_try try = {.w = w, .target = &target, .text = text};
    struct error err;

    history->waited = false;
    if (ssh_target_resolve(&target, &o->reach, w->host, o->reach.subsystem, &err)) {
        buffer_add_text(text, err.text);
        return (int)err.status;
    }
    console_firmware(w->console, w->firmware, target.port);
    int status = push_ask_and_send(w, history, &try);
    /* Lost after the last byte: some servers reboot without a word. */
    bool done = !status || (status == EXIT_UNCONFIRMED && !try.late);
    if (try.sent && done && o->job.wait && !try.over) {
        buffer_clear(text);
        history->waited = true;
        reach->until = 0; /* of --timeout; that of --wait begins */
        status = wait_return(w, text);
    }
    ssh_target_free(&target);
    return status;
}

/* Faults of the network may pass; what was written is found again. A refusal stays one. */
static bool push_is_worth_a_retry(const struct host_options *o, int status, int tries)
{
    bool late = o->reach.until > 0 && io_now() >= o->reach.until;

    return !late && status == EXIT_UNREACHABLE && !o->job.fault && tries < o->retries &&
           !interrupt_came();
}

static void push_pause(const struct wait *w, int tries, const struct buffer *text)
{
    int seconds = PUSH_FIRST_PAUSE << (tries < PUSH_PAUSE_STEPS ? tries : PUSH_PAUSE_STEPS);
    char line[700];

    snprintf(line, sizeof line, "%.500s; trying again in %d s (%d of %d)", buffer_text(text),
             seconds, tries + 1, w->o->retries);
    console_note(w->console, line);
    interrupt_pause(seconds);
}

/* reach: that of w->o, with a --timeout that begins now. */
static int push_with_retries(struct wait *w, struct reach *reach, struct push_history *history,
                             struct buffer *text)
{
    reach->until = reach_end(reach, 0);
    int status = push_steps(w, reach, history, text);

    for (int tries = 0; !history->waited && push_is_worth_a_retry(w->o, status, tries); tries++) {
        push_pause(w, tries, text);
        buffer_clear(text);
        wait_free(w);
        w->before = (struct question){0};
        status = push_steps(w, reach, history, text);
    }
    return status;
}

int push_device_run(const struct host_options *o, const char *host,
                    const struct push_firmware *firmware, struct console *console,
                    struct push_history *history, struct buffer *text)
{
    struct host_options own;
    struct wait w = {.o = &own,
                     .host = host,
                     .firmware = firmware->file,
                     .stream = firmware->stream,
                     .console = console};
    struct error err;
    int status;

    if (host_config_apply(&own, o, host, &err)) {
        status = (int)err.status;
        buffer_add_text(text, err.text);
    } else {
        status = push_with_retries(&w, &own.reach, history, text);
    }
    wait_free(&w);
    host_config_drop(&own);
    return status;
}

int push_device(const struct host_options *o, const char *host,
                const struct push_firmware *firmware, struct console *console,
                struct push_history *history)
{
    struct buffer text = {0};
    int status = push_device_run(o, host, firmware, console, history, &text);

    status = console_result(console, status, buffer_text(&text));
    buffer_free(&text);
    return status;
}
