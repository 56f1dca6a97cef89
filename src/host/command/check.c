/* SPDX-License-Identifier: Apache-2.0 */
#include "host/command/check.h"

#include "base/clean.h"
#include "base/io.h"
#include "base/memory.h"
#include "host/agentless/agentless.h"
#include "host/command/host_config.h"
#include "host/output/json_event.h"
#include "host/remote/interrupt.h"
#include "host/remote/ssh_outcome.h"
#include "wire/answer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK_SECONDS 30
/*
 * The nerves_firmware_ssh server never answers an empty request: after this time we stop waiting.
 */
#define CHECK_QUIET_SECONDS 5

static const char *const check_steps[] = {
    [SSH_STEP_SSH] = "ssh",         [SSH_STEP_JUMP] = "jump host",
    [SSH_STEP_NAME] = "name",       [SSH_STEP_CONNECT] = "connect",
    [SSH_STEP_BANNER] = "banner",   [SSH_STEP_HOST_KEY] = "host key",
    [SSH_STEP_LOGIN] = "login",     [SSH_STEP_SUBSYSTEM] = "subsystem",
    [SSH_STEP_SESSION] = "session",
};

struct check {
    const struct host_options *o;
    const char *host; /* as the user named it */
    struct ssh_target target;
    struct ssh_run ssh; /* the messages of ssh -v are in text[1] */
    size_t step;        /* the next one to report */
    size_t offered;     /* keys that have been reported */
    int status;         /* of the first step that failed */
};

static void check_print(const struct check *c, bool ok, const char *step, const char *text)
{
    if (c->o->output.json) {
        struct buffer line = {0};
        json_event(&line, "check", c->host);
        json_member(&line, "step", step);
        buffer_printf(&line, ",\"ok\":%s", ok ? "true" : "false");
        json_member(&line, "text", text);
        buffer_add_text(&line, "}\n");
        fputs(buffer_text(&line), stdout);
        buffer_free(&line);
    } else if (!ok || !c->o->output.quiet) {
        printf("%-4s %-10s %s\n", ok ? "OK" : "FAIL", step, text);
    }
    fflush(stdout);
}

/* The text may be the device's, as ssh -v passes it on. */
static void check_report(const struct check *c, bool ok, const char *step, const char *text)
{
    char *copy = memory_text(text);

    clean_lines(copy);
    check_print(c, ok, step, copy);
    free(copy);
}

static void check_fail(struct check *c, const char *step, int status, const char *text)
{
    check_report(c, false, step, text);
    if (!c->status)
        c->status = status;
}

static const char *check_errors(const struct check *c)
{
    return buffer_text(&c->ssh.text[1]);
}

static bool check_has(const struct check *c, const char *words)
{
    return strstr(check_errors(c), words) != NULL;
}

/* What follows these words in the last line that has them; the caller frees it. NULL if there is
 * none. */
static char *check_line(const struct check *c, const char *words)
{
    const char *found = NULL;

    for (const char *p = check_errors(c); (p = strstr(p, words)); p += strlen(words))
        found = p + strlen(words);
    return found ? memory_printf("%.*s", (int)strcspn(found, "\r\n"), found) : NULL;
}

/* Reports a failed step with the meaning of ssh's failure, if it was at this step, else with text.
 * Returns false, for the caller to return. */
static bool check_fail_at(struct check *c, enum ssh_step step, enum exit_status status,
                          const char *text)
{
    const struct ssh_failure *f = ssh_failure_find(check_errors(c));
    struct buffer own = {0};

    if (f && f->step == step)
        status = ssh_failure_describe(f, check_errors(c), &c->target, &own);
    else
        buffer_add_text(&own, text);
    check_fail(c, check_steps[step], (int)status, buffer_text(&own));
    buffer_free(&own);
    return false;
}

static bool check_pass(struct check *c, enum ssh_step step, const char *text)
{
    check_report(c, true, check_steps[step], text);
    return true;
}

/* Passes with what ssh printed after these words; false if it did not print them. */
static bool check_said(struct check *c, enum ssh_step step, const char *words)
{
    char *line = check_line(c, words);

    if (line)
        check_pass(c, step, line);
    free(line);
    return line != NULL;
}

static bool check_name(struct check *c)
{
    const struct ssh_failure *f = ssh_failure_find(check_errors(c));

    if (f && f->step <= SSH_STEP_NAME)
        return check_fail_at(c, f->step, f->status, "");
    return check_pass(c, SSH_STEP_NAME, c->target.hostname);
}

static bool check_connect(struct check *c)
{
    char text[160];

    snprintf(text, sizeof text,
             "no connection to port %d; is the device on, on this network, and does fwsshd run "
             "there?",
             c->target.port);
    if (!check_has(c, "Connection established") && !check_has(c, "Remote protocol version"))
        return check_fail_at(c, SSH_STEP_CONNECT, EXIT_UNREACHABLE, text);
    snprintf(text, sizeof text, "port %d", c->target.port);
    return check_pass(c, SSH_STEP_CONNECT, text);
}

static bool check_banner(struct check *c)
{
    return check_said(c, SSH_STEP_BANNER, "remote software version ") ||
           check_fail_at(c, SSH_STEP_BANNER, EXIT_UNREACHABLE,
                         "no SSH banner: another service, or too many sessions on the device");
}

static bool check_host_key(struct check *c)
{
    const struct ssh_failure *f = ssh_failure_find(check_errors(c));

    if (f && f->step == SSH_STEP_HOST_KEY)
        return check_fail_at(c, SSH_STEP_HOST_KEY, f->status, "");
    return check_said(c, SSH_STEP_HOST_KEY, "Server host key: ") ||
           check_fail_at(c, SSH_STEP_HOST_KEY, EXIT_UNREACHABLE,
                         "the key exchange failed; see ssh -v");
}

/* "debug1: Offering public key: PATH TYPE FINGERPRINT SOURCE" for each key. */
static void check_offered(struct check *c)
{
    static const char words[] = "Offering public key: ";
    const char *p = check_errors(c);
    size_t count = 0;

    while ((p = strstr(p, words))) {
        p += strlen(words);
        if (!strchr(p, '\n'))
            break;
        if (++count <= c->offered)
            continue;
        char *line = memory_printf("offered %.*s", (int)strcspn(p, "\r\n"), p);
        check_report(c, true, "key", line);
        free(line);
        c->offered = count;
    }
}

static bool check_login(struct check *c)
{
    check_offered(c);
    if (!check_has(c, "Authenticated to ")) {
        const struct ssh_failure *f = ssh_failure_find(check_errors(c));
        bool plain = f && !strncmp(f->words, "Permission", 10) && !c->offered;
        if (!plain)
            return check_fail_at(c, SSH_STEP_LOGIN, EXIT_ACCESS, "the login failed; see ssh -v");
        check_fail(c, check_steps[SSH_STEP_LOGIN], EXIT_ACCESS,
                   "no key to offer; create one with ssh-keygen, or name its directory with "
                   "--user-dir");
        return false;
    }
    char *line = check_line(c, "Server accepts key: ");
    char *text = memory_printf("accepted %s", line ? line : "by the device");
    check_pass(c, SSH_STEP_LOGIN, text);
    free(text);
    free(line);
    return true;
}

/* The steps up to the login, and what ssh -v shows when one is done. */
static const struct {
    bool (*report)(struct check *c);
    const char *done[3];
} check_ways[] = {
    {check_name, {"Connecting to ", "Connection established", "Remote protocol version"}},
    {check_connect, {"Connection established", "Remote protocol version", NULL}},
    {check_banner, {"remote software version ", NULL, NULL}},
    {check_host_key, {"SSH2_MSG_NEWKEYS sent", "Authenticated to ", NULL}},
    {check_login, {"Authenticated to ", NULL, NULL}},
};

#define CHECK_WAYS (sizeof check_ways / sizeof *check_ways)

/* Whether ssh -v has shown, in a line that is complete, that the next step is done. */
static bool check_is_done(const struct check *c)
{
    for (int i = 0; i < 3 && check_ways[c->step].done[i]; i++) {
        const char *at = strstr(check_errors(c), check_ways[c->step].done[i]);
        if (at && strchr(at, '\n'))
            return true;
    }
    return false;
}

/* Reports what has become known since the last call. */
static void check_follow(struct check *c)
{
    while (c->step < CHECK_WAYS && check_is_done(c) && check_ways[c->step].report(c))
        c->step++;
    if (c->step + 1 == CHECK_WAYS)
        check_offered(c);
}

/* Reports the rest, when ssh has ended. Returns false at a step that failed. */
static bool check_finish(struct check *c)
{
    for (; c->step < CHECK_WAYS; c->step++)
        if (!check_ways[c->step].report(c))
            return false;
    return true;
}

/* Sends an empty request. Silence after the login means that the device is waiting for input. */
static int check_converse(struct check *c, struct error *err)
{
    bool agentless = c->o->reach.agentless;
    struct ssh_call call = {.reach = &c->o->reach,
                            .target = &c->target,
                            .subsystem = agentless ? agent_script_ask : c->o->reach.subsystem,
                            .exec = agentless || c->o->reach.exec,
                            .verbose = true};
    int event = SSH_RUN_HEARD;

    if (ssh_run_start(&c->ssh, &call, err))
        return -1;
    ssh_run_close_input(&c->ssh);
    double end = reach_end(&c->o->reach, CHECK_SECONDS);
    while (event == SSH_RUN_HEARD) {
        double quiet = io_now() + CHECK_QUIET_SECONDS;
        /* fwsshd answers in any case, but may have to ask its updater first. */
        bool waits =
            check_has(c, "Sending subsystem") && !check_has(c, "remote software version fwssh");
        event = ssh_run_next(&c->ssh, false, waits && quiet < end ? quiet : end, err);
        check_follow(c);
    }
    ssh_run_end(&c->ssh, event != SSH_RUN_ENDED);
    return event < 0 ? -1 : 0;
}

/* "task upgrade, updater /usr/bin/fwup, device /dev/mmcblk0, signatures=on" */
static void check_device(struct check *c, const struct facts *facts)
{
    static const char *const names[] = {"task", "updater", "device"};
    const char *problem = facts_get(facts, "problem"), *signatures = facts_get(facts, "signatures");
    struct buffer line = {0};

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (*facts_get(facts, names[i]))
            buffer_printf(&line, "%s%s %s", line.len ? ", " : "", names[i],
                          facts_get(facts, names[i]));
    if (*signatures)
        buffer_printf(&line, "%ssignatures=%s", line.len ? ", " : "", signatures);
    if (*problem)
        check_fail(c, "device", EXIT_FAILED, problem);
    else
        check_report(c, true, "device", buffer_text(&line));
    buffer_free(&line);
}

/* The last line that the device printed, where it gave no reason in our form; before it, a shell
 * may have greeted. */
static void check_last_line(const struct check *c, int status, struct buffer *text)
{
    const char *said = buffer_text(&c->ssh.text[0]);
    const char *last = said;

    for (const char *p = said; *p; p++)
        if (p > said && p[-1] == '\n' && *p != '\n' && *p != '\r')
            last = p;
    buffer_add(text, last, strcspn(last, "\r\n"));
    if (text->len)
        clean_line(text->data);
    else
        buffer_add_text(text, ssh_outcome_silence(status));
}

/* The device has closed the channel without an answer. */
static void check_refused(struct check *c)
{
    struct ssh_outcome outcome;

    ssh_outcome_read(&outcome, &c->ssh, &c->target);
    if (!outcome.text.len)
        check_last_line(c, outcome.status, &outcome.text);
    if (outcome.no_subsystem)
        check_fail_at(c, SSH_STEP_SUBSYSTEM, EXIT_FAILED, "");
    else
        check_fail(c, check_steps[SSH_STEP_SUBSYSTEM],
                   outcome.status == EXIT_REFUSED ? EXIT_REFUSED : EXIT_FAILED,
                   buffer_text(&outcome.text));
    ssh_outcome_free(&outcome);
}

static void check_subsystem(struct check *c)
{
    struct answer answer;
    bool answered = answer_parse(&answer, buffer_text(&c->ssh.text[0])) && !answer.status;

    if (answered || c->ssh.late)
        check_pass(c, SSH_STEP_SUBSYSTEM, c->o->reach.subsystem);
    if (answered)
        check_device(c, &answer.facts);
    else if (c->ssh.late)
        check_report(c, true, "device",
                     "unknown: this server speaks only the nerves_firmware_ssh protocol");
    else
        check_refused(c);
    answer_free(&answer);
}

/* What --agentless does on the device, up to its status. */
static void check_agentless(struct check *c)
{
    const struct request request = {.verb = REQUEST_STATUS};
    struct question q;

    agentless_ask(&q, &c->o->reach, c->host, &request, false);
    if (q.status) {
        check_fail(c, "agentless", q.status, buffer_text(&q.text));
    } else {
        check_report(c, true, "agentless", "fwssh-agent runs on the device");
        check_device(c, &q.facts);
    }
    question_free(&q);
}

static int check_host(const struct host_options *o, const char *host)
{
    struct host_options own;
    struct check c = {.o = o, .host = host};
    struct error err;

    if (interrupt_came()) {
        check_fail(&c, "ssh", EXIT_INTERRUPTED, "interrupted before it was asked");
        return c.status;
    }
    c.o = &own;
    if (host_config_apply(&own, o, host, &err) ||
        ssh_target_resolve(&c.target, &own.reach, host, own.reach.subsystem, &err)) {
        check_fail(&c, "ssh", (int)err.status, err.text);
        host_config_drop(&own);
        return c.status;
    }
    if (check_converse(&c, &err))
        check_fail(&c, "ssh", (int)err.status, err.text);
    else if (c.ssh.interrupted)
        check_fail(&c, "ssh", EXIT_INTERRUPTED, "interrupted");
    else if (check_finish(&c))
        own.reach.agentless ? check_agentless(&c) : check_subsystem(&c);
    ssh_run_free(&c.ssh);
    ssh_target_free(&c.target);
    host_config_drop(&own);
    return c.status;
}

int check_run(const struct host_options *o)
{
    const struct fleet_options *fleet = &o->fleet;
    int status = EXIT_DONE;

    interrupt_watch();
    for (size_t i = 0; i < fleet->host_count; i++) {
        if (fleet->host_count > 1 && !o->output.json)
            printf("%s:\n", fleet->hosts[i]);
        status = fleet_options_status(fleet, status, check_host(o, fleet->hosts[i]));
    }
    return status;
}
