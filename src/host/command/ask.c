/* SPDX-License-Identifier: Apache-2.0 */
#include "host/command/ask.h"

#include "host/agentless/agentless.h"
#include "host/command/host_config.h"
#include "host/output/json_event.h"
#include "host/remote/interrupt.h"
#include "host/remote/question.h"
#include "wire/slot_facts.h"

#include <stdio.h>
#include <string.h>

/* What has been done when a request is answered with "ok". */
static const char *const ask_done[REQUEST_VERBS] = {
    [REQUEST_CONFIRM] = "The running firmware is confirmed.",
    [REQUEST_REVERT] =
        "The previous firmware boots next; the device reboots unless it is already running it.",
    [REQUEST_REBOOT] = "The device reboots.",
    [REQUEST_ACTIVATE] = "The staged firmware boots next; the device reboots.",
};

/* The same if the device cannot show what has come of it; older devices give no facts in this
 * answer. */
static const char *const ask_hidden[REQUEST_VERBS] = {
    [REQUEST_CONFIRM] = "The device has confirmed the running firmware, but does not show it.",
    [REQUEST_REVERT] =
        "The device has done its revert and reboots, but does not show what boots next.",
};

static const char *ask_result(enum request_verb verb, const struct facts *facts)
{
    bool answers = facts->count > 0;
    bool hidden = verb == REQUEST_CONFIRM ? answers && !slot_facts_are_confirmed(facts)
                                          : answers && !*facts_get(facts, "next");

    return hidden && ask_hidden[verb] ? ask_hidden[verb] : ask_done[verb];
}

static void ask_print_json(enum request_verb verb, const char *host, const struct question *q)
{
    struct buffer line = {0};

    json_event(&line, request_name(verb), host);
    buffer_printf(&line, ",\"status\":%d", q->status);
    json_member(&line, "text", buffer_text(&q->text));
    buffer_add_text(&line, ",\"facts\":{");
    for (size_t i = 0; i < q->facts.count; i++) {
        if (i)
            buffer_add_text(&line, ",");
        json_string(&line, q->facts.fact[i].name);
        buffer_add_text(&line, ":");
        json_string(&line, q->facts.fact[i].value);
    }
    buffer_add_text(&line, "}}\n");
    fputs(buffer_text(&line), stdout);
    buffer_free(&line);
}

/* "slot a, Pump 2.0, confirmed" */
static void ask_print_summary(const char *host, const struct facts *facts)
{
    const char *active = facts_get(facts, "active"), *left = facts_get(facts, "tries-left");

    printf("%s: %s%s%s%s%s", host, *active ? "slot " : "slot unknown", active,
           *facts_get(facts, "product") ? ", " : "", facts_get(facts, "product"),
           *facts_get(facts, "version") ? " " : "");
    printf("%s", facts_get(facts, "version"));
    if (slot_facts_are_confirmed(facts))
        printf(", confirmed");
    else if (slot_facts_are_unconfirmed(facts))
        printf(", NOT confirmed%s%s%s", *left ? " (" : "", left, *left ? " boots left)" : "");
    if (slot_facts_need_no_confirmation(facts))
        printf(", nothing to confirm");
    if (slot_facts_state(facts) == SLOT_PENDING)
        printf(", slot %s boots next", facts_get(facts, "next"));
    if (slot_facts_state(facts) == SLOT_FALLBACK)
        printf(", on trial: slot %s boots next unless it is confirmed", facts_get(facts, "next"));
    if (!strcmp(facts_get(facts, "signatures"), "off"))
        printf(", signatures=off");
    if (*facts_get(facts, "conflict"))
        printf(", CONTRADICTORY: %s", facts_get(facts, "conflict"));
    putchar('\n');
}

static void ask_print(const struct output_options *o, enum request_verb verb, const char *host,
                      const struct question *q)
{
    if (o->json) {
        ask_print_json(verb, host, q);
    } else if (q->status) {
        fprintf(stderr, "fwssh: %s: %s\n", host, buffer_text(&q->text));
    } else if (!o->quiet && ask_done[verb]) {
        printf("%s: %s\n", host, ask_result(verb, &q->facts));
    } else if (!o->quiet) {
        if (verb == REQUEST_STATUS)
            ask_print_summary(host, &q->facts);
        for (size_t i = 0; i < q->facts.count; i++)
            printf("  %-18s %s\n", q->facts.fact[i].name, q->facts.fact[i].value);
    }
    fflush(stdout);
}

static void ask_one(struct question *q, const struct host_options *o, const char *host,
                    const struct request *request)
{
    struct host_options own;
    struct error err;

    if (interrupt_came()) {
        q->status = EXIT_INTERRUPTED;
        buffer_add_text(&q->text, "interrupted before it was asked");
        return;
    }
    if (host_config_apply(&own, o, host, &err)) {
        q->status = (int)err.status;
        buffer_add_text(&q->text, err.text);
    } else {
        agentless_ask(q, &own.reach, host, request, false);
    }
    host_config_drop(&own);
}

int ask_run(const struct host_options *o, enum request_verb verb)
{
    const struct fleet_options *fleet = &o->fleet;
    struct request request = {.verb = verb};
    int status = EXIT_DONE;

    snprintf(request.reason, sizeof request.reason, "%s", o->reason ? o->reason : "");
    interrupt_watch();
    for (size_t i = 0; i < fleet->host_count; i++) {
        struct question q = {0};
        ask_one(&q, o, fleet->hosts[i], &request);
        ask_print(&o->output, verb, fleet->hosts[i], &q);
        status = fleet_options_status(fleet, status, q.status);
        question_free(&q);
    }
    return status;
}
