/* SPDX-License-Identifier: Apache-2.0 */
#include "device/receive/job.h"

#include "base/device_lock.h"
#include "base/firmware_kind.h"
#include "base/io.h"
#include "base/words.h"
#include "device/receive/hook.h"
#include "device/receive/run_dir.h"
#include "device/receive/slot_check.h"
#include "device/receive/slot_file.h"
#include "device/receive/stage.h"
#include "device/receive/unfinished.h"
#include "device/receive/updater_run.h"
#include "device/receive/version_settle.h"
#include "device/slots/device_path.h"

#include <stdlib.h>
#include <string.h>

void job_open(struct job *j, const struct device_config *config, struct client *client)
{
    *j = (struct job){.config = config,
                      .client = client,
                      .started = io_now(),
                      .lock = -1,
                      .disk = -1,
                      .spool = SPOOL_NONE};
}

void job_close(struct job *j)
{
    updater_free(&j->updater);
    facts_free(&j->slots);
    device_lock_export(-1, NULL);
    spool_close(&j->spool);
    io_close(&j->disk);
    io_close(&j->lock);
    free(j->device);
    j->device = NULL;
}

int job_lock(struct job *j, struct error *err)
{
    j->device = device_path_find(j->config, err);
    if (!j->device)
        return -1;
    j->lock = device_lock_take(j->config->lock_file, j->device, err);
    if (j->lock < 0)
        return -1;
    device_lock_export(j->lock, j->config->lock_file);
    return 0;
}

int job_lock_if_found(struct job *j, struct error *err)
{
    if (!job_lock(j, err))
        return 0;
    /* One whose environment is in use (EXIT_REFUSED) is not even looked for. */
    if (j->device || err->status == EXIT_REFUSED)
        return -1;
    return device_lock_check_all(j->config->lock_file, err);
}

int job_read_floor(struct job *j, struct error *err)
{
    struct error late;
    int settled = version_settle(j->config, &late);

    if (version_floor_read(&j->floor, j->config, err))
        return -1;
    if (settled > 0)
        result_note(&j->result, "%s", late.text);
    if (settled >= 0 || j->floor.overridden)
        return 0;
    *err = late;
    err->status = EXIT_REFUSED;
    return error_suffix(err, "nothing was done");
}

void job_note_exception(struct job *j)
{
    if (j->floor.overridden)
        result_note(&j->result, "allow-older in state-dir was used%s%s",
                    *j->floor.version ? "; the newest version so far is " : "", j->floor.version);
}

int job_look(struct job *j, struct error *err)
{
    /* The disk first: whoever has held it until now may have switched slots. */
    return job_read_floor(j, err) || device_lock_disk(j->device, &j->disk, err) ||
                   slot_check_before(j->config, j->client, &j->slots, err) ||
                   updater_find(&j->updater, j->config, err) ||
                   updater_identify(&j->updater, j->config, err)
               ? -1
               : 0;
}

int job_start(struct job *j, bool stage, struct error *err)
{
    return hook_precheck(j->config, j->device, &j->result, j->client, err) ||
                   stage_prepare(&j->updater, j->config, stage, err)
               ? -1
               : 0;
}

int job_prepare(struct job *j, bool stage, struct error *err)
{
    return job_look(j, err) || job_start(j, stage, err) ? -1 : 0;
}

/* Both slots are intact. After a reboot, the slot that boots next is the running one, so the next
 * update cannot overwrite the running slot. */
static void job_settle(struct job *j, bool reboot, struct error *err)
{
    char before[sizeof err->text];

    memcpy(before, err->text, sizeof before);
    error_set(err, EXIT_FAILED, "%s after the switch may have started%s", before,
              reboot ? "; rebooting anyway, check fwssh status"
                     : "; check fwssh status, and reboot before another update");
    j->result.reboot = reboot;
}

static void job_failed(struct job *j, const struct job_firmware *firmware,
                       const struct updater_outcome *outcome, struct error *err)
{
    if (*outcome->said.because && !j->updater.driver->is_adapter)
        result_note(&j->result, "%s", outcome->said.because);
    if (outcome->said.switching || outcome->unsure) {
        job_settle(j, firmware->reboot, err);
        return;
    }
    if (outcome->failed)
        error_suffix(err, "not rebooting");
    slot_check_after_failure(j->config, err);
}

int job_agree(struct job *j, const struct job_firmware *firmware, struct error *err)
{
    const struct updater *u = &j->updater;

    if (u->reboots && !firmware->reboot)
        return error_set(err, EXIT_REFUSED,
                         "%s reboots the device by itself, so it cannot be kept from that; "
                         "nothing was done",
                         u->name);
    if (!u->wants_file || j->spool.fd >= 0)
        return 0;
    if (firmware->size == UPDATER_UNTIL_EOF)
        return error_set(err, EXIT_REFUSED,
                         "%s needs room for the whole firmware, whose size the subsystem fwup "
                         "does not tell; use fwssh push; nothing was done",
                         u->name);
    return spool_reserve(&j->spool, j->config, firmware->size, err);
}

static int job_forget_file(struct job *j, struct error *err)
{
    int rc = slot_file_forget(j->config, facts_get(&j->slots, "active"), err);

    if (rc > 0)
        result_note(&j->result, "what is in the running slot is no longer noted: %s", err->text);
    return rc < 0 ? -1 : 0;
}

/* The firmware is written, whatever comes of this. */
static void job_note_file(struct job *j, const struct job_firmware *firmware)
{
    struct error err;

    if (firmware->sha256 && !firmware->stage && slot_file_keep(j->config, firmware->sha256, &err))
        result_note(&j->result, "what is in the new slot is not noted: %s", err.text);
}

/* The kind is known by the first bytes, and most updaters would only find out later; one that takes
 * plain images never would. */
static int job_check_kind(struct job *j, const struct job_firmware *firmware, struct error *err)
{
    struct buffer *ahead = &j->client->ahead;
    size_t wanted =
        firmware->size < FIRMWARE_KIND_BYTES ? (size_t)firmware->size : (size_t)FIRMWARE_KIND_BYTES;
    int n = 1;

    if (!*j->updater.accepts)
        return 0;
    j->client->heard = io_now(); /* the time until now was ours */
    while (n > 0 && ahead->len < wanted)
        n = client_read_ahead(j->client, err);
    if (n < 0)
        return -1;
    const char *kind =
        firmware_kind_by_start(buffer_text(ahead), ahead->len < wanted ? ahead->len : wanted);
    if (!*kind || words_contain(j->updater.accepts, kind))
        return 0;
    return error_set(err, EXIT_MISMATCH,
                     "the firmware is of the kind %s, but %s takes: %s; nothing was done", kind,
                     j->updater.name, j->updater.accepts);
}

/* With a note of it, which stands until an update has ended well. */
static int job_run_noted(struct job *j, struct updater_run *run, struct updater_outcome *outcome,
                         struct error *err)
{
    struct error late;
    bool stood;

    /* Whatever fills the disk: this update may be the cure. */
    if (unfinished_begin(j->config, facts_get(&j->slots, "active"), &stood, &late))
        result_note(&j->result, "not noted as begun, for fwssh revert: %s", late.text);
    int rc = updater_run(run, outcome, err);
    bool whole = rc ? outcome->said.untouched && !stood : run->job->verb == UPDATER_WRITE;
    if (whole && unfinished_end(j->config, &late))
        result_note(&j->result, "still noted as unfinished: %s", late.text);
    return rc;
}

/* With what belongs to this firmware alone: its file, and a directory for an adapter. */
static int job_run(struct job *j, struct updater_run *run, struct updater_job *job,
                   struct updater_outcome *outcome, struct error *err)
{
    char *directory = NULL;
    int rc = 0;

    *outcome = (struct updater_outcome){0};
    if (j->spool.fd >= 0)
        rc = spool_fill(&j->spool, j->client, err);
    if (!rc && j->updater.driver->is_adapter &&
        !(directory = run_dir_make(j->config->lock_file, j->device, err)))
        rc = -1;
    job->run_dir = directory;
    run->file = j->spool.fd;
    if (!rc)
        rc = job_run_noted(j, run, outcome, err);
    run_dir_remove(directory);
    spool_close(&j->spool);
    return rc;
}

int job_write(struct job *j, const struct job_firmware *firmware, struct error *err)
{
    char *staged = firmware->stage ? stage_path(j->config) : NULL;
    struct updater_job job = {.verb = firmware->stage ? UPDATER_STAGE : UPDATER_WRITE,
                              .device = j->device,
                              .task = firmware->task,
                              .path = staged,
                              .floor = &j->floor,
                              .open_end = firmware->size == UPDATER_UNTIL_EOF,
                              .size = firmware->size};
    struct updater_run run = {.updater = &j->updater,
                              .config = j->config,
                              .job = &job,
                              .client = j->client,
                              .lock = j->lock,
                              .disk = j->disk,
                              .size = firmware->size,
                              .last = firmware->last};
    struct updater_outcome outcome = {0};
    int rc = job_agree(j, firmware, err) || job_check_kind(j, firmware, err) ||
                     job_forget_file(j, err) || job_run(j, &run, &job, &outcome, err)
                 ? -1
                 : 0;

    free(staged);
    if (rc || firmware->last)
        io_close(&j->disk);
    j->result.bytes += rc || firmware->size == UPDATER_UNTIL_EOF ? outcome.given : firmware->size;
    if (rc) {
        job_failed(j, firmware, &outcome, err);
        return -1;
    }
    j->result.firmwares++;
    memcpy(j->result.uuid, outcome.said.uuid, sizeof j->result.uuid);
    job_note_file(j, firmware);
    if (!firmware->stage)
        job_note_exception(j);
    if (!firmware->last && job_read_floor(j, err))
        return -1;
    /* An archive's directory, or padding: announced, but not needed by the updater. */
    if (outcome.unread && client_receive(j->client, outcome.unread, NULL, err))
        return error_suffix(err, "the firmware was written, but the device is not rebooting");
    return 0;
}

int job_check_surplus(struct job *j, struct error *err)
{
    uint64_t surplus = client_pending(j->client);

    if (!surplus)
        return 0;
    return error_set(err, EXIT_FAILED,
                     "received more data than announced (at least %llu byte%s); %snot rebooting",
                     (unsigned long long)surplus, surplus == 1 ? "" : "s",
                     j->result.firmwares ? "the firmware was written, but the device is " : "");
}
