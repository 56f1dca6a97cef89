/* SPDX-License-Identifier: Apache-2.0 */
#include "host/remote/question.h"

#include "base/io.h"
#include "host/remote/server_software.h"
#include "host/remote/ssh_outcome.h"
#include "wire/header.h"
#include "wire/subsystem.h"

#include <string.h>

#define QUESTION_SECONDS 150
#define QUESTION_IMPATIENT_SECONDS 20

void question_fail(struct question *q, int status, const char *text)
{
    q->status = status;
    buffer_clear(&q->text);
    buffer_add_text(&q->text, text);
}

static void question_judge_ssh(struct question *q, const struct ssh_run *r,
                               const struct ssh_target *target)
{
    struct ssh_outcome o;

    ssh_outcome_read(&o, r, target);
    q->unknown = o.no_subsystem;
    q->answered = o.ending == SSH_ENDING_DEVICE;
    if (r->late)
        question_fail(q, EXIT_UNREACHABLE, "the device did not answer in time");
    else if (r->interrupted)
        question_fail(q, EXIT_INTERRUPTED, "interrupted");
    else if (o.no_subsystem)
        question_fail(q, EXIT_FAILED,
                      "this server does not offer the subsystem fwssh: it speaks only the "
                      "nerves_firmware_ssh protocol");
    else if (o.ending == SSH_ENDING_SSH)
        question_fail(q, o.status, buffer_text(&o.text));
    else if (o.ending == SSH_ENDING_DEVICE)
        question_fail(q, o.status <= EXIT_WIRE_MAX ? o.status : EXIT_FAILED,
                      o.text.len   ? buffer_text(&o.text)
                      : o.last.len ? buffer_text(&o.last)
                                   : ssh_outcome_silence(o.status));
    else
        question_fail(q, EXIT_UNREACHABLE, "the connection ended before the device had answered");
    ssh_outcome_free(&o);
}

/* What a device has been told to do it does, whatever becomes of the connection. */
static void question_doubt(struct question *q)
{
    if (q->answered || (q->status != EXIT_UNREACHABLE && q->status != EXIT_INTERRUPTED))
        return;
    buffer_add_text(&q->text,
                    "; it may do all the same what was asked: check it with fwssh status");
    if (q->status == EXIT_UNREACHABLE)
        q->status = EXIT_UNCONFIRMED;
}

static void question_judge(struct question *q, const struct ssh_run *r,
                           const struct ssh_target *target)
{
    struct answer a;

    if (r->late || !answer_parse(&a, buffer_text(&r->text[0]))) {
        question_judge_ssh(q, r, target);
        return;
    }
    q->status = (int)a.status;
    q->answered = true;
    q->facts = a.facts;
    q->text = a.reason; /* both are now owned by q */
}

/* The server of the Elixir package knows one request, in its own words. */
static void question_judge_reboot(struct question *q, const struct ssh_run *r,
                                  const struct ssh_target *target)
{
    struct ssh_outcome o;

    ssh_outcome_read(&o, r, target);
    q->unknown = o.no_subsystem;
    bool rebooting = strstr(buffer_text(&r->text[0]), "Rebooting...") != NULL;
    bool ended =
        o.ending == SSH_ENDING_DONE || o.ending == SSH_ENDING_SILENT || o.ending == SSH_ENDING_LOST;
    if (!rebooting || !ended)
        question_judge_ssh(q, r, target);
    ssh_outcome_free(&o);
}

static int question_seconds(const struct ssh_call *call, const struct request *request)
{
    int seconds = call->impatient ? QUESTION_IMPATIENT_SECONDS : QUESTION_SECONDS;

    if (request->verb == REQUEST_ACTIVATE)
        seconds += REQUEST_ACTIVATE_SECONDS;
    return seconds;
}

static int question_run(struct question *q, const struct ssh_call *call,
                        const struct request *request, struct error *err)
{
    struct ssh_run r = {0};
    struct buffer line = {0};
    bool ours = strcmp(call->subsystem, SUBSYSTEM_NERVES) != 0, taken = false;

    if (ours)
        request_print(request, &line);
    else
        header_print(&(struct header){.reboot = true}, &line);
    int rc = ssh_run_start(&r, call, err);
    if (!rc) {
        ssh_run_say(&r, buffer_text(&line));
        /* While it is open, it can be seen whether ssh has taken the request. */
        if (!ours || !request_changes(request->verb))
            ssh_run_close_input(&r);
        double end = reach_end(call->reach, question_seconds(call, request));
        rc = ssh_run_await(&r, NULL, end, err) < 0 ? -1 : 0;
        taken = ssh_run_has_taken_all(&r);
        ssh_run_end(&r, rc || r.late || r.interrupted);
    }
    if (!rc && !ours)
        question_judge_reboot(q, &r, call->target);
    else if (!rc)
        question_judge(q, &r, call->target);
    if (!rc && taken)
        question_doubt(q);
    buffer_free(&line);
    ssh_run_free(&r);
    return rc;
}

void question_ask(struct question *q, const struct reach *reach, const char *host,
                  const struct request *request, bool impatient)
{
    struct ssh_target target;
    struct error err;

    /* It is asked where a push would go: with the subsystem fwup, that is another port. */
    *q = (struct question){0};
    if (ssh_target_resolve(&target, reach, host, reach->subsystem, &err)) {
        question_fail(q, (int)err.status, err.text);
        return;
    }
    q->checks_host_key = ssh_target_checks_host_key(&target);
    struct ssh_call call = {
        .reach = reach, .target = &target, .subsystem = SUBSYSTEM_FWSSH, .impatient = impatient};
    if (question_run(q, &call, request, &err))
        question_fail(q, (int)err.status, err.text);
    if (q->unknown && request->verb == REQUEST_REBOOT) {
        question_free(q);
        *q = (struct question){0};
        call.subsystem = SUBSYSTEM_NERVES;
        if (question_run(q, &call, request, &err))
            question_fail(q, (int)err.status, err.text);
    }
    ssh_target_free(&target);
}

void question_ask_through(struct question *q, const struct ssh_call *call,
                          const struct request *request)
{
    struct error err;

    *q = (struct question){.checks_host_key = ssh_target_checks_host_key(call->target)};
    if (question_run(q, call, request, &err))
        question_fail(q, (int)err.status, err.text);
}

void question_free(struct question *q)
{
    facts_free(&q->facts);
    buffer_free(&q->text);
}

/* Nerves devices of today: nerves_ssh, which is Erlang's SSH server. */
#define QUESTION_NERVES "Erlang/"

bool question_may_have_fwup(const struct reach *reach, const char *host)
{
    char software[SOFTWARE_MAX + 1];
    struct reach quiet = *reach;
    struct ssh_target target;
    struct error err;

    quiet.batch = true;
    if (ssh_target_resolve(&target, &quiet, host, SUBSYSTEM_FWUP, &err))
        return false;
    bool found = target.port != REACH_DEFAULT_PORT &&
                 server_software_read(&quiet, &target, software) &&
                 !strncmp(software, QUESTION_NERVES, strlen(QUESTION_NERVES));
    ssh_target_free(&target);
    return found;
}
