#include "receive/receive.h"

#include "base/io.h"
#include "receive/device_lock.h"
#include "receive/device_path.h"
#include "receive/header_parse.h"
#include "receive/hook.h"
#include "receive/updater.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What one update works with. */
struct receive {
    const struct device_config *config;
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
    char *updater = updater_locate(r->config);
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

/* The line up to its newline, however it is cut into packets; what follows stays in ahead. */
static int receive_header(struct receive *r, struct header *header, struct error *err)
{
    struct buffer *ahead = &r->client->ahead;
    const char *newline;

    while (!(newline = ahead->len ? memchr(ahead->data, '\n', ahead->len) : NULL)) {
        if (ahead->len >= HEADER_MAX)
            return error_set(err, EXIT_USAGE, "bad header: no newline in the first %d bytes",
                             HEADER_MAX);
        int n = client_read_ahead(r->client, err);
        if (n < 0)
            return -1;
        if (n == 0 && !ahead->len)
            return receive_describe(r, err);
        if (n == 0)
            return error_set(err, EXIT_USAGE,
                             "the input ended inside the header; nothing was done");
    }
    size_t len = (size_t)(newline - ahead->data);
    if (len >= HEADER_MAX)
        return error_set(err, EXIT_USAGE, "bad header: no newline in the first %d bytes",
                         HEADER_MAX);
    int rc = header_parse(ahead->data, len, header, err);
    buffer_drop(ahead, len + 1);
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

static int receive_firmware(struct receive *r, uint64_t size, bool last, struct error *err)
{
    struct updater_result outcome;

    if (updater_run(&r->updater, r->config, r->device, *r->lock, r->client, size, last, &outcome,
                    err))
        return -1;
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

static int receive_prepare(struct receive *r, struct error *err)
{
    return hook_precheck(r->config, r->device, r->client, err) ||
                   updater_find(&r->updater, r->config, err)
               ? -1
               : 0;
}

/* Subsystem nerves_firmware_ssh. The texts are the origin's, byte for byte. */
static int receive_with_header(struct receive *r, struct error *err)
{
    struct header header;

    if (receive_header(r, &header, err) || receive_lock(r, err))
        return -1;
    if (header.count && receive_prepare(r, err))
        return -1;
    for (size_t i = 0; i < header.count; i++) {
        client_say(r->client, "Running fwup...\n");
        if (receive_firmware(r, header.size[i], i + 1 == header.count, err)) {
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
    if (receive_lock(r, err) || receive_prepare(r, err))
        return -1;
    if (receive_firmware(r, UPDATER_UNTIL_EOF, true, err))
        return -1;
    r->result->reboot = 1;
    return 0;
}

void receive_run(const struct device_config *config, const struct subsystem *subsystem,
                 struct client *client, struct result *result, int *lock)
{
    struct receive r = {.config = config, .client = client, .result = result, .lock = lock};
    struct error err = {0};

    *result = (struct result){0};
    *lock = -1;
    int rc = subsystem->header ? receive_with_header(&r, &err) : receive_whole_input(&r, &err);
    if (rc) {
        result->status = err.status <= EXIT_WIRE_MAX ? err.status : EXIT_FAILED;
        snprintf(result->text, sizeof result->text, "%s", err.text);
        client_complain(client, err.text);
    }
    result->told = !client_is_gone(client);
    /* Not for what was refused before it had the device. */
    if (*lock >= 0)
        hook_tell(config, r.device, result);
    updater_free(&r.updater);
    free(r.device);
}
