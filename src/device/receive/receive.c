#include "device/receive/receive.h"

#include "base/device_lock.h"
#include "base/io.h"
#include "base/memory.h"
#include "device/receive/hook.h"
#include "device/receive/request.h"
#include "device/receive/slot_check.h"
#include "device/receive/stage.h"
#include "device/receive/updater.h"
#include "device/slots/device_path.h"
#include "device/updaters/updater_path.h"
#include "wire/header.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What one update works with. */
struct receive {
    const struct device_config *config;
    bool volatile_key; /* the host key does not survive a reboot */
    struct client *client;
    struct result *result;
    char *device;
    int *lock;
    struct updater updater;
};

/* An empty request, as fwssh check sends it: what a push would meet. */
static int receive_describe(struct receive *r, struct error *err)
{
    struct error device_error = {0};
    char *updater = updater_path_find(r->config);
    char *device = device_path_find(r->config, &device_error);

    error_set(
        err, EXIT_USAGE,
        "the input ended before a header came; nothing was done (task %s, updater %s, device %s)",
        r->config->task, updater ? updater : "missing", device ? device : device_error.text);
    r->result->asked = 1;
    free(updater);
    free(device);
    return -1;
}

/* The line up to its newline, however it is cut into packets; it stays in ahead. */
static int receive_line(struct receive *r, size_t max, size_t *len, struct error *err)
{
    struct buffer *ahead = &r->client->ahead;
    const char *newline;

    while (!(newline = ahead->len ? memchr(ahead->data, '\n', ahead->len) : NULL)) {
        if (ahead->len >= max)
            break;
        int n = client_read_ahead(r->client, err);
        if (n < 0)
            return -1;
        if (n == 0 && !ahead->len)
            return receive_describe(r, err);
        if (n == 0)
            return error_set(err, EXIT_USAGE,
                             "the input ended inside the header; nothing was done");
    }
    *len = newline ? (size_t)(newline - ahead->data) : max;
    return *len < max
               ? 0
               : error_set(err, EXIT_USAGE, "bad header: no newline in the first %zu bytes", max);
}

static int receive_header(struct receive *r, struct header *header, struct error *err)
{
    size_t len;

    if (receive_line(r, HEADER_MAX, &len, err))
        return -1;
    int rc = header_parse(r->client->ahead.data, len, header, err);
    buffer_drop(&r->client->ahead, len + 1);
    return rc;
}

/* Taken before anything is begun, a reboot included: it would cut another update in the middle. */
static int receive_lock(struct receive *r, struct error *err)
{
    r->device = device_path_find(r->config, err);
    if (!r->device)
        return -1;
    *r->lock = device_lock_take(r->config->lock_file, r->device, err);
    return *r->lock < 0 ? -1 : 0;
}

/* The firmware is written: from now on, older ones are too old. */
static void receive_note_version(struct receive *r, const char *version)
{
    const struct version_floor *floor = &r->updater.floor;
    struct error err;

    if (floor->overridden)
        result_note(r->result,
                    "the owner's override (allow-older in state-dir) let version %s in; the newest "
                    "so far is %s",
                    *version ? version : "(none)", *floor->version ? floor->version : "(none)");
    if (version_floor_raise(floor, r->config, version, &err))
        result_note(r->result, "refuse-older: %s", err.text);
    version_floor_read(&r->updater.floor, r->config);
}

/* Either slot is whole. A reboot makes the one that boots next the one that runs, so that the next
 * update cannot overwrite what runs. */
static void receive_settle(struct receive *r, bool reboot, struct error *err)
{
    char *before = memory_text(err->text);
    char *cut = strstr(before, "; the device does not reboot");

    if (cut)
        *cut = '\0';
    error_set(err, EXIT_FAILED, "%s, when it may have switched already%s", before,
              reboot ? "; the device reboots all the same, see fwssh status then"
                     : ": see fwssh status, and reboot before another update");
    r->result->reboot = reboot;
    free(before);
}

static int receive_firmware(struct receive *r, uint64_t size, bool last, bool reboot,
                            struct error *err)
{
    struct updater_result outcome;

    if (updater_run(&r->updater, r->config, r->device, *r->lock, r->client, size, last, &outcome,
                    err)) {
        if (outcome.switching)
            receive_settle(r, reboot, err);
        else
            slot_check_after_failure(r->config, err);
        return -1;
    }
    r->result->firmwares++;
    memcpy(r->result->uuid, outcome.uuid, sizeof r->result->uuid);
    receive_note_version(r, outcome.version);
    /* An archive's directory, or padding: announced, but not needed. */
    if (outcome.unread && client_swallow(r->client, outcome.unread, err)) {
        error_prefix(err, "the firmware was written, but the device does not reboot");
        return -1;
    }
    return 0;
}

static int receive_check_surplus(struct receive *r, struct error *err)
{
    uint64_t surplus = client_pending(r->client);

    if (!surplus)
        return 0;
    return error_set(err, EXIT_FAILED,
                     "%llu or more bytes came than were announced; the device does not reboot%s",
                     (unsigned long long)surplus,
                     r->result->firmwares ? ", but the firmware was written" : "");
}

static int receive_prepare(struct receive *r, bool stage, struct error *err)
{
    return slot_check_before(r->config, r->client, err) ||
                   hook_precheck(r->config, r->device, r->client, err) ||
                   updater_find(&r->updater, r->config, err) ||
                   stage_prepare(&r->updater, r->config, stage, err)
               ? -1
               : 0;
}

/* Subsystem nerves_firmware_ssh. The texts are the origin's, byte for byte. */
static int receive_with_header(struct receive *r, struct error *err)
{
    struct header header;

    if (receive_header(r, &header, err) || receive_lock(r, err))
        return -1;
    if (header.count && receive_prepare(r, false, err))
        return -1;
    for (size_t i = 0; i < header.count; i++) {
        /* The one before may have switched: the next one would then go to the slot that runs. */
        if (i && slot_check_before(r->config, r->client, err))
            return -1;
        client_say(r->client, "Running fwup...\n");
        if (receive_firmware(r, header.size[i], i + 1 == header.count, header.reboot, err)) {
            if (header.count > 1)
                error_prefix(err, "firmware %zu of %zu", i + 1, header.count);
            return -1;
        }
    }
    if (receive_check_surplus(r, err))
        return -1;
    if (header.reboot) {
        client_say(r->client, "Rebooting...\n");
        r->result->reboot = 1;
    }
    return 0;
}

/* Subsystem fwup: the data up to the end of the input; a good end reboots. */
static int receive_whole_input(struct receive *r, struct error *err)
{
    if (receive_lock(r, err) || receive_prepare(r, false, err))
        return -1;
    if (receive_firmware(r, UPDATER_UNTIL_EOF, true, true, err))
        return -1;
    r->result->reboot = 1;
    return 0;
}

static int receive_answer(struct receive *r, const struct facts *facts)
{
    struct buffer text = {0};

    buffer_add_text(&text, REQUEST_VERSION " ok\n");
    if (facts)
        facts_print(facts, &text);
    client_say(r->client, buffer_text(&text));
    buffer_free(&text);
    return 0;
}

static int receive_tell_facts(struct receive *r, const struct request *q, struct error *err)
{
    struct facts facts = {0};

    int rc = request_facts(r->config, q, r->volatile_key, &facts, err);
    if (!rc)
        receive_answer(r, &facts);
    facts_free(&facts);
    return rc;
}

static int receive_change(struct receive *r, const struct request *q, struct error *err)
{
    bool reboot = q->verb == REQUEST_REBOOT;

    if (receive_lock(r, err))
        return -1;
    if (q->verb == REQUEST_ACTIVATE) {
        if (stage_activate(r->config, r->device, err)) {
            slot_check_after_failure(r->config, err);
            return -1;
        }
        reboot = true;
    } else if (!reboot && request_change(r->config, q, &reboot, err)) {
        return -1;
    }
    r->result->reboot = reboot;
    return receive_answer(r, NULL);
}

static int receive_update(struct receive *r, const struct request *q, struct error *err)
{
    if (request_check_task(r->config, q, err) || receive_lock(r, err) ||
        receive_prepare(r, q->stage, err))
        return -1;
    r->updater.task = *q->task ? q->task : NULL;
    receive_answer(r, NULL);
    if (receive_firmware(r, q->size, true, q->reboot && !q->stage, err) ||
        receive_check_surplus(r, err))
        return -1;
    r->result->reboot = q->reboot && !q->stage;
    return 0;
}

static int receive_do_request(struct receive *r, const struct request *q, struct error *err)
{
    switch (q->verb) {
    case REQUEST_STATUS:
    case REQUEST_LOG:
        return receive_tell_facts(r, q, err);
    case REQUEST_UPDATE:
        return receive_update(r, q, err);
    default:
        return receive_change(r, q, err);
    }
}

/* Subsystem fwssh. An error is told where a program looks for the answer, too. */
static int receive_request(struct receive *r, struct error *err)
{
    struct request q = {0};
    size_t len = 0;
    int rc = receive_line(r, REQUEST_MAX, &len, err);

    r->result->asked = 1; /* until it is known to be more */
    if (!rc) {
        rc = request_parse(r->client->ahead.data, len, &q, err);
        buffer_drop(&r->client->ahead, len + 1);
    }
    if (!rc) {
        snprintf(r->result->request, sizeof r->result->request, "%s", q.name);
        r->result->asked = q.verb == REQUEST_STATUS || q.verb == REQUEST_LOG;
        rc = receive_do_request(r, &q, err);
    }
    if (rc) {
        unsigned status = err->status <= EXIT_WIRE_MAX ? err->status : EXIT_FAILED;
        char *line = memory_printf(REQUEST_VERSION " error %u %s\n", status, err->text);
        client_say(r->client, line);
        free(line);
    }
    return rc;
}

static int receive_subsystem(struct receive *r, enum subsystem_kind kind, struct error *err)
{
    switch (kind) {
    case SUBSYSTEM_HEADER:
        return receive_with_header(r, err);
    case SUBSYSTEM_DATA:
        return receive_whole_input(r, err);
    default:
        return receive_request(r, err);
    }
}

void receive_run(const struct device_config *config, const struct subsystem *subsystem,
                 bool volatile_key, struct client *client, struct result *result, int *lock,
                 char **device)
{
    struct receive r = {.config = config,
                        .volatile_key = volatile_key,
                        .client = client,
                        .result = result,
                        .lock = lock};
    struct error err = {0};

    *result = (struct result){0};
    *lock = -1;
    int rc = receive_subsystem(&r, subsystem->kind, &err);
    if (rc) {
        result->status = err.status <= EXIT_WIRE_MAX ? err.status : EXIT_FAILED;
        snprintf(result->text, sizeof result->text, "%s", err.text);
        client_complain(client, err.text);
    }
    result->told = !client_is_gone(client);
    updater_free(&r.updater);
    *device = r.device;
}
