/* SPDX-License-Identifier: Apache-2.0 */
#include "device/receive/receive.h"

#include "device/receive/assembly.h"
#include "device/receive/change.h"
#include "device/receive/slot_check.h"
#include "device/receive/stage.h"
#include "device/receive/status.h"
#include "device/receive/unfinished.h"
#include "device/receive/updater_run.h"
#include "device/receive/version_settle.h"
#include "wire/answer.h"
#include "wire/header.h"
#include "wire/request.h"

#include <stdio.h>
#include <string.h>

struct receive {
    struct job *job;
    bool volatile_key;
    struct assembly assembly;
    bool records; /* of it, in place of text */
};

static void receive_answer(struct receive *r, const struct facts *facts)
{
    struct buffer text = {0};

    answer_print_ok(facts, &text);
    client_say(r->job->client, buffer_text(&text));
    buffer_free(&text);
}

/* Reads a line of at most max bytes into ahead, in however many packets it arrives; *len is its
 * length without the newline. An empty input is an error, too, and sets *empty. */
static int receive_line(struct client *client, size_t max, size_t *len, bool *empty,
                        struct error *err)
{
    struct buffer *ahead = &client->ahead;
    const char *newline;

    *empty = false;
    while (!(newline = ahead->len ? memchr(ahead->data, '\n', ahead->len) : NULL)) {
        if (ahead->len >= max)
            break;
        int n = client_read_ahead(client, err);
        if (n < 0)
            return -1;
        *empty = !ahead->len;
        if (n == 0)
            return error_set(err, EXIT_USAGE, "input ended %s; nothing was done",
                             *empty ? "before a header" : "inside the header");
    }
    *len = newline ? (size_t)(newline - ahead->data) : max;
    return *len < max
               ? 0
               : error_set(err, EXIT_USAGE, "bad header: no newline in the first %zu bytes", max);
}

/* An empty request, as fwssh check sends it (PROTOCOL.md, "An empty request"). */
static void receive_describe(struct receive *r)
{
    struct facts facts = {0};

    status_read_update(r->job->config, &facts);
    receive_answer(r, &facts);
    facts_free(&facts);
    r->job->result.asked = 1;
}

static int receive_header(struct receive *r, struct header *header, struct error *err)
{
    struct client *client = r->job->client;
    size_t len;
    bool empty;

    if (receive_line(client, HEADER_MAX, &len, &empty, err)) {
        if (empty)
            receive_describe(r);
        return -1;
    }
    int rc = header_parse(client->ahead.data, len, header, err);
    buffer_drop(&client->ahead, len + 1);
    return rc;
}

static int receive_firmwares(struct receive *r, const struct header *header, struct error *err)
{
    struct job *j = r->job;

    for (size_t i = 0; i < header->count; i++) {
        bool last = i + 1 == header->count;
        struct job_firmware firmware = {
            .size = header->size[i], .last = last, .reboot = header->reboot};
        /*
         * The previous one may have switched slots; then the next one would go to the running slot.
         */
        if (i && slot_check_between(j->config, j->client, &j->slots, err))
            return -1;
        client_say(j->client, "Running fwup...\n");
        if (job_write(j, &firmware, err)) {
            if (header->count > 1)
                error_prefix(err, "firmware %zu of %zu", i + 1, header->count);
            return -1;
        }
    }
    return job_check_surplus(j, err);
}

/* Subsystem nerves_firmware_ssh. The texts are those of the package of that name, byte for byte. */
static int receive_with_header(struct receive *r, struct error *err)
{
    struct header header;

    if (receive_header(r, &header, err) || job_lock(r->job, err) ||
        (header.count && job_prepare(r->job, false, err)) || receive_firmwares(r, &header, err))
        return -1;
    if (header.reboot) {
        client_say(r->job->client, "Rebooting...\n");
        r->job->result.reboot = 1;
    }
    return 0;
}

/* Subsystem fwup: one firmware up to the end of input, then a reboot. */
static int receive_whole_input(struct receive *r, struct error *err)
{
    struct job_firmware firmware = {.size = UPDATER_UNTIL_EOF, .last = true, .reboot = true};
    int n = client_read_ahead(r->job->client, err);

    if (n < 0)
        return -1;
    if (n == 0) {
        receive_describe(r);
        return error_set(err, EXIT_USAGE, "input ended before a firmware; nothing was done");
    }
    if (job_lock(r->job, err) || job_prepare(r->job, false, err) ||
        job_write(r->job, &firmware, err))
        return -1;
    r->job->result.reboot = 1;
    return 0;
}

static int receive_status(struct receive *r, const struct request *q, struct error *err)
{
    struct facts facts = {0};

    (void)q;
    int rc = status_read(r->job->config, r->volatile_key, &facts, err);
    if (!rc)
        receive_answer(r, &facts);
    facts_free(&facts);
    return rc;
}

static int receive_log(struct receive *r, const struct request *q, struct error *err)
{
    struct facts facts = {0};

    (void)q;
    (void)err;
    status_read_log(r->job->config, &facts);
    receive_answer(r, &facts);
    facts_free(&facts);
    return 0;
}

/* What the change has led to, as read afterwards. */
static void receive_answer_change(struct receive *r, const struct facts *after)
{
    static const char *const names[] = {"active", "next", "pending", "confirmed"};
    struct facts facts = {0};

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (*facts_get(after, names[i]))
            facts_set(&facts, names[i], facts_get(after, names[i]));
    receive_answer(r, &facts);
    facts_free(&facts);
}

/* The change is made, whatever comes of this. */
static void receive_settle(struct receive *r)
{
    struct error err;

    if (version_settle(r->job->config, &err))
        result_note(&r->job->result, "%s", err.text);
}

static int receive_confirm(struct receive *r, const struct request *q, struct error *err)
{
    struct facts facts = {0};
    int rc = job_lock_if_found(r->job, err) || change_confirm(r->job->config, &facts, err) ? -1 : 0;

    (void)q;
    if (!rc)
        receive_settle(r);
    if (!rc)
        receive_answer_change(r, &facts);
    facts_free(&facts);
    return rc;
}

static int receive_revert(struct receive *r, const struct request *q, struct error *err)
{
    struct facts facts = {0};
    bool reboot = false;
    int rc = job_lock_if_found(r->job, err);

    if (!rc) {
        receive_settle(r); /* what has proved itself counts, even if it is left now */
        rc = change_revert(r->job->config, q->reason, &reboot, &facts, err);
    }
    r->job->result.reboot = reboot;
    if (!rc)
        receive_answer_change(r, &facts);
    facts_free(&facts);
    return rc;
}

static int receive_reboot(struct receive *r, const struct request *q, struct error *err)
{
    (void)q;
    if (job_lock_if_found(r->job, err))
        return -1;
    r->job->result.reboot = 1;
    receive_answer(r, NULL);
    return 0;
}

static int receive_activate(struct receive *r, const struct request *q, struct error *err)
{
    struct error late;

    (void)q;
    if (job_lock(r->job, err) || job_read_floor(r->job, err) ||
        slot_check_before(r->job->config, r->job->client, &r->job->slots, err))
        return -1;
    struct updater_job job = {.device = r->job->device, .floor = &r->job->floor};
    if (stage_activate(r->job->config, &job, &r->job->result, err)) {
        if (!r->job->result.reboot)
            slot_check_after_failure(r->job->config, err);
        return -1;
    }
    job_note_exception(r->job);
    if (unfinished_end(r->job->config, &late))
        result_note(&r->job->result, "still noted as unfinished: %s", late.text);
    r->job->result.reboot = 1;
    receive_answer(r, NULL);
    return 0;
}

/* Whether clients may request the task (key allowed-tasks). */
static int receive_check_task(const struct device_config *config, const char *task,
                              struct error *err)
{
    const struct text_list *allowed = &config->allowed_tasks;

    if (!*task || (!allowed->count && !strcmp(task, config->task)))
        return 0;
    for (size_t i = 0; i < allowed->count; i++)
        if (!strcmp(task, allowed->item[i]))
            return 0;
    return error_set(err, EXIT_REFUSED, "task '%s' is not in allowed-tasks; nothing was done",
                     task);
}

static int receive_update(struct receive *r, const struct request *q, struct error *err)
{
    struct job *j = r->job;
    struct job_firmware firmware = {.size = q->size,
                                    .task = *q->task ? q->task : NULL,
                                    .sha256 = *q->sha256 ? q->sha256 : NULL,
                                    .stage = q->stage,
                                    .last = true,
                                    .reboot = q->reboot && !q->stage};

    if (receive_check_task(j->config, q->task, err) || job_lock(j, err) ||
        job_prepare(j, q->stage, err) || job_agree(j, &firmware, err))
        return -1;
    receive_answer(r, NULL);
    if (job_write(j, &firmware, err) || job_check_surplus(j, err))
        return -1;
    j->result.reboot = firmware.reboot;
    return 0;
}

/* The device's facts, by which the host decides what to ask. */
static void receive_describe_holder(struct receive *r)
{
    struct facts facts = {0};
    struct error ignored;

    (void)status_read(r->job->config, r->volatile_key, &facts, &ignored);
    assembly_say_facts(r->job->client, &facts);
    facts_free(&facts);
}

/* Serves the host's questions, until it wants the update. */
static int receive_assemble(struct receive *r, const struct request *q, struct error *err)
{
    struct job *j = r->job;
    struct job_firmware firmware = {.task = *q->task ? q->task : NULL,
                                    .sha256 = *q->sha256 ? q->sha256 : NULL,
                                    .stage = q->stage,
                                    .last = true,
                                    .reboot = q->reboot && !q->stage};
    struct hold_word word;

    if (assembly_check(j->config, err) || receive_check_task(j->config, q->task, err) ||
        job_lock(j, err) || job_look(j, err))
        return -1;
    receive_answer(r, NULL);
    receive_describe_holder(r);
    r->records = true;
    j->result.asked = 1; /* so far */
    if (assembly_open(&r->assembly, j, firmware.task, err) ||
        assembly_await(&r->assembly, &word, err)) {
        /* A firmware was refused, not a question. */
        if (err->status == EXIT_MISMATCH)
            j->result.asked = 0;
        return -1;
    }
    if (word.kind == HOLD_NONE)
        return 0;
    j->result.asked = 0;
    firmware.size = word.size;
    if (word.kind == HOLD_WHOLE) {
        assembly_close(&r->assembly);
        r->records = false;
    }
    if (job_start(j, q->stage, err))
        return -1;
    if (job_write(j, &firmware, err)) {
        assembly_explain(&r->assembly, err);
        return -1;
    }
    if (word.kind == HOLD_WHOLE && job_check_surplus(j, err))
        return -1;
    j->result.reboot = firmware.reboot;
    return 0;
}

/* One for each verb in wire/request.h. */
static int (*const receive_handlers[REQUEST_VERBS])(struct receive *r, const struct request *q,
                                                    struct error *err) = {
    [REQUEST_STATUS] = receive_status,     [REQUEST_LOG] = receive_log,
    [REQUEST_CONFIRM] = receive_confirm,   [REQUEST_REVERT] = receive_revert,
    [REQUEST_REBOOT] = receive_reboot,     [REQUEST_UPDATE] = receive_update,
    [REQUEST_ACTIVATE] = receive_activate, [REQUEST_ASSEMBLE] = receive_assemble,
};

static int receive_handle(struct receive *r, const struct request *q, struct error *err)
{
    struct result *result = &r->job->result;

    snprintf(result->request, sizeof result->request, "%s", request_name(q->verb));
    snprintf(result->task, sizeof result->task, "%s", q->task);
    result->asked = !request_changes(q->verb);
    if (!receive_handlers[q->verb])
        return error_set(err, EXIT_USAGE, "the request %s is not implemented",
                         request_name(q->verb));
    return receive_handlers[q->verb](r, q, err);
}

/* Subsystem fwssh. An error is also sent as an answer, for programs. */
static int receive_request(struct receive *r, struct error *err)
{
    struct client *client = r->job->client;
    struct request q;
    bool empty;
    size_t len = 0;
    int rc = receive_line(client, REQUEST_MAX, &len, &empty, err);

    r->job->result.asked = 1; /* until the request is known to change something */
    if (!rc) {
        rc = request_parse(client->ahead.data, len, &q, err);
        buffer_drop(&client->ahead, len + 1);
    }
    if (!rc)
        rc = receive_handle(r, &q, err);
    if (rc) {
        struct buffer text = {0};
        answer_print_error(err, &text);
        assembly_recover(&r->assembly);
        /* If fwssh-hold runs, it makes a record of it. */
        if (r->records && !r->assembly.client)
            assembly_say_text(client, buffer_text(&text));
        else
            client_say(client, buffer_text(&text));
        buffer_free(&text);
    }
    return rc;
}

static int (*const receive_kinds[])(struct receive *r, struct error *err) = {
    [SUBSYSTEM_HEADER] = receive_with_header,
    [SUBSYSTEM_DATA] = receive_whole_input,
    [SUBSYSTEM_REQUEST] = receive_request,
};

void receive_run(struct job *j, const struct subsystem *subsystem, bool volatile_key)
{
    struct receive r = {.job = j, .volatile_key = volatile_key, .assembly = ASSEMBLY_NONE};
    struct error err = {0};

    /* Clients of nerves_firmware_ssh show standard output only, and ignore the status. */
    j->client->shows_one = subsystem->kind == SUBSYSTEM_HEADER && !j->client->is_local;
    if (receive_kinds[subsystem->kind](&r, &err)) {
        j->result.status = err.status <= EXIT_WIRE_MAX ? err.status : EXIT_FAILED;
        snprintf(j->result.text, sizeof j->result.text, "%s", err.text);
        client_complain(j->client, err.text);
    }
    assembly_close(&r.assembly);
    j->result.told = !client_is_gone(j->client);
}
