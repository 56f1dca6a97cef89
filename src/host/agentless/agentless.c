/* SPDX-License-Identifier: Apache-2.0 */
#include "host/agentless/agentless.h"

#include "base/clean.h"
#include "base/io.h"
#include "base/memory.h"
#include "host/remote/private_dir.h"
#include "host/remote/ssh_outcome.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* For the login, at which the user may be asked for something; while the device is away, less. */
#define AGENTLESS_LOGIN_SECONDS 150
#define AGENTLESS_SHORT_SECONDS 20
/* For a piece of fwssh-agent, and for its answer when all has come. */
#define AGENTLESS_PIECE_SECONDS 60

/* The socket of the shared connection, in a directory of ours. */
static int agentless_make_socket(struct agentless *a, struct error *err)
{
    a->dir = private_dir_make("the connection", err);
    if (!a->dir)
        return -1;
    a->socket = memory_printf("%s/ssh", a->dir);
    a->control = memory_printf("ControlPath=%s", a->socket);
    return 0;
}

/* Ours come first, because ssh keeps the first value. */
static void agentless_share(struct agentless *a, const struct reach *given, bool as_master)
{
    reach_drop(&a->reach);
    reach_copy(&a->reach, given);
    a->reach.until = a->until;
    free(a->reach.ssh_options);
    a->reach.ssh_options = NULL;
    a->reach.ssh_option_count = 0;
    reach_add_ssh_option(&a->reach, a->control);
    reach_add_ssh_option(&a->reach, as_master ? "ControlMaster=yes" : "ControlMaster=no");
    reach_add_ssh_option(&a->reach, "ControlPersist=no");
    for (size_t i = 0; i < given->ssh_option_count; i++)
        reach_add_ssh_option(&a->reach, given->ssh_options[i]);
}

static int agentless_interrupted(struct error *err)
{
    return error_set(err, EXIT_INTERRUPTED, "interrupted");
}

/* What ssh's words mean can have several lines; an error has one. */
static void agentless_make_line(struct buffer *text)
{
    for (size_t i = 0; i < text->len; i++)
        if (text->data[i] == '\n')
            text->data[i] = ' ';
}

/* Why a run of ours ended early; what: in the words for the user, if it gave no reason. */
static int agentless_explain(struct agentless *a, struct ssh_run *r, const char *what,
                             struct error *err)
{
    bool ended = r->out[0] < 0 && r->out[1] < 0;
    struct ssh_outcome o;

    ssh_run_end(r, !ended);
    if (r->interrupted)
        return agentless_interrupted(err);
    ssh_outcome_read(&o, r, &a->target);
    agentless_make_line(&o.text);
    if (r->late)
        error_set(err, EXIT_UNREACHABLE, "the device did not answer in time");
    else if (o.ending == SSH_ENDING_SSH && o.status != EXIT_FAILED)
        error_set(err, (enum exit_status)o.status, "%s", buffer_text(&o.text));
    else if (o.ending == SSH_ENDING_LOST)
        error_set(err, EXIT_UNREACHABLE, "%s", buffer_text(&o.text));
    else if (o.ending == SSH_ENDING_DEVICE && o.text.len)
        error_set(err, EXIT_FAILED, "%s; nothing was done", buffer_text(&o.text));
    else
        error_set(err, EXIT_FAILED, "%s%s%s%s; nothing was done", what,
                  o.last.len ? " (its words: " : "", buffer_text(&o.last), o.last.len ? ")" : "");
    ssh_outcome_free(&o);
    return -1;
}

static bool agentless_has_facts(const char *text)
{
    char machine[32];
    enum agent_root root;

    return agent_script_facts(text, machine, &root);
}

static int agentless_login(struct agentless *a, bool impatient, struct error *err)
{
    int seconds = impatient ? AGENTLESS_SHORT_SECONDS : AGENTLESS_LOGIN_SECONDS;
    struct ssh_call call = {.reach = &a->reach,
                            .target = &a->target,
                            .subsystem = agent_script_ask,
                            .exec = true,
                            .tied = true,
                            .impatient = impatient};
    char machine[32];

    if (ssh_run_start(&a->master, &call, err) ||
        ssh_run_await(&a->master, agentless_has_facts, reach_end(&a->reach, seconds), err) < 0)
        return -1;
    if (!agent_script_facts(buffer_text(&a->master.text[0]), machine, &a->root))
        return agentless_explain(
            a, &a->master, "the device gives this login no shell, which --agentless needs", err);
    clean_line(machine);
    return agent_file_open(&a->file, machine, a->reach.agent_dir, err);
}

static int agentless_check_root(const struct agentless *a, struct error *err)
{
    if (a->root == AGENT_NO_ROOT)
        return error_set(err, EXIT_REFUSED,
                         "%s is not root there, and the device has neither sudo nor doas; nothing "
                         "was done",
                         a->account);
    if (a->root == AGENT_DOAS_PASSWORD)
        return error_set(err, EXIT_REFUSED,
                         "doas on the device does not let %s in without a password, which it reads "
                         "from a terminal only (nopass in doas.conf); nothing was done",
                         a->account);
    return 0;
}

/* One piece of the file; 0, or -1 with the error set. */
static int agentless_feed(struct agentless *a, struct buffer *piece, struct error *err)
{
    char bytes[16384];

    if (!piece->len) {
        ssize_t n = io_read_full(a->file.fd, bytes, sizeof bytes);
        if (n < 0)
            return error_errno(err, "cannot read fwssh-agent");
        buffer_add(piece, bytes, (size_t)n);
        if (!n) {
            ssh_run_close_input(&a->stay);
            return 0;
        }
    }
    ssize_t n = ssh_run_write(&a->stay, piece->data, piece->len, err);
    if (n > 0)
        buffer_drop(piece, (size_t)n);
    return n < 0 ? -1 : 0;
}

static bool agentless_stays(const char *text)
{
    return strchr(text, '\n') != NULL;
}

/* Returns 0 also if the run has ended before that. */
static int agentless_send(struct agentless *a, struct error *err)
{
    struct buffer piece = {0};
    int event = SSH_RUN_HEARD, rc = 0;

    while (!rc && a->stay.in >= 0 && (event == SSH_RUN_HEARD || event == SSH_RUN_WRITABLE)) {
        event = ssh_run_next(&a->stay, true, reach_end(&a->reach, AGENTLESS_PIECE_SECONDS), err);
        rc = event < 0 ? -1 : 0;
        if (event == SSH_RUN_WRITABLE)
            rc = agentless_feed(a, &piece, err);
    }
    if (!rc && a->stay.in < 0 &&
        ssh_run_await(&a->stay, agentless_stays, reach_end(&a->reach, AGENTLESS_PIECE_SECONDS),
                      err) < 0)
        rc = -1;
    buffer_free(&piece);
    return rc;
}

/* Brings fwssh-agent, and hears from it as what process it stays. */
static int agentless_bring(struct agentless *a, int *pid, struct error *err)
{
    char *command = agent_script_bring(&a->script, a->root, a->file.size);
    struct ssh_call call = {.reach = &a->reach,
                            .target = &a->target,
                            .subsystem = command,
                            .exec = true,
                            .over = &a->master,
                            .tied = true,
                            .gate = &a->gate};
    char hash[FILE_HASH_TEXT] = "";
    int rc = ssh_run_start(&a->stay, &call, err) || agentless_send(a, err) ? -1 : 0;

    free(command);
    if (rc)
        return -1;
    if (sscanf(buffer_text(&a->stay.text[0]), "fwssh-agent %d %64s", pid, hash) != 2)
        return agentless_explain(a, &a->stay, "fwssh-agent does not start on the device", err);
    return strcmp(hash, a->file.hash)
               ? error_set(err, EXIT_FAILED,
                           "fwssh-agent arrived damaged (another SHA-256); nothing was done")
               : 0;
}

int agentless_open(struct agentless *a, const struct reach *reach, const char *host, bool impatient,
                   struct error *err)
{
    int pid;

    *a = (struct agentless){.master = {.pid = -1, .in = -1, .out = {-1, -1}, .askpass.fd = -1},
                            .stay = {.pid = -1, .in = -1, .out = {-1, -1}, .askpass.fd = -1},
                            .file = AGENT_FILE_NONE,
                            .until = reach_end(reach, 0)};
    if (ssh_target_resolve(&a->target, reach, host, reach->subsystem, err) ||
        agentless_make_socket(a, err))
        return -1;
    a->account = memory_printf("%s on %s", a->target.user ? a->target.user : "this login",
                               a->target.hostname);
    agent_script_init(&a->script);
    agentless_share(a, reach, true);
    if (agentless_login(a, impatient, err) || agentless_check_root(a, err))
        return -1;
    agentless_share(a, reach, false);
    a->gate = (struct ssh_gate){.marker = a->script.marker,
                                .prompt = a->root == AGENT_SUDO ? a->script.prompt : NULL,
                                .account = a->account,
                                .secret = reach->batch ? NULL : reach->secret};
    if (agentless_bring(a, &pid, err))
        return -1;
    a->command = agent_script_serve(&a->script, a->root, pid, &a->reach);
    return 0;
}

struct ssh_call agentless_call(const struct agentless *a)
{
    return (struct ssh_call){.reach = &a->reach,
                             .target = &a->target,
                             .subsystem = a->command,
                             .exec = true,
                             .over = &a->master,
                             .tied = true,
                             .gate = &a->gate};
}

void agentless_close(struct agentless *a)
{
    ssh_run_end(&a->stay, true);
    ssh_run_free(&a->stay);
    ssh_run_end(&a->master, true);
    ssh_run_free(&a->master);
    if (a->dir) {
        unlink(a->socket);
        rmdir(a->dir);
    }
    free(a->dir);
    free(a->socket);
    free(a->control);
    free(a->account);
    free(a->command);
    agent_file_close(&a->file);
    agent_script_free(&a->script);
    reach_drop(&a->reach);
    ssh_target_free(&a->target);
    *a = (struct agentless){.file = AGENT_FILE_NONE};
}

void agentless_ask(struct question *q, const struct reach *reach, const char *host,
                   const struct request *request, bool impatient)
{
    struct agentless a;
    struct error err;

    if (!reach->agentless) {
        question_ask(q, reach, host, request, impatient);
        return;
    }
    *q = (struct question){0};
    if (agentless_open(&a, reach, host, impatient, &err)) {
        question_fail(q, (int)err.status, err.text);
    } else {
        struct ssh_call call = agentless_call(&a);
        question_ask_through(q, &call, request);
    }
    agentless_close(&a);
}
