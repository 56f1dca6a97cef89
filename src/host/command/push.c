/* SPDX-License-Identifier: Apache-2.0 */
#include "host/command/push.h"

#include "engine/archive/bundle.h"
#include "host/adaptive/firmware_cache.h"
#include "host/command/discover.h"
#include "host/command/firmware_find.h"
#include "host/command/fleet.h"
#include "host/command/push_adaptive.h"
#include "host/command/push_device.h"
#include "host/output/ask_yes.h"
#include "host/output/json_event.h"
#include "host/remote/interrupt.h"
#include "host/remote/rate_limit.h"

#include <stdio.h>

/* A firmware that does not work would reach more devices than this before anybody notices. */
#define PUSH_UNGUARDED_MAX 8

/* Something here cannot be used (the firmware, the state, the directory for logs): reported before
 * any device is contacted, without a log. */
static int push_not_begun(const struct host_options *o, const struct error *err)
{
    struct output_options output = {.json = o->output.json, .quiet = o->output.quiet};
    struct console console;
    struct error ignored;

    if (!console_open(&console, o->fleet.hosts[0], &output, &ignored))
        (void)console_result(&console, (int)err->status, err->text);
    console_close(&console);
    return (int)err->status;
}

static int push_one(const struct host_options *o, const struct push_firmware *firmware)
{
    struct push_history ignored = {0};
    struct console console;
    struct error err;
    int status;

    if (console_open(&console, o->fleet.hosts[0], &o->output, &err))
        status = push_not_begun(o, &err);
    else
        status = push_device(o, o->fleet.hosts[0], firmware, &console, &ignored);
    console_close(&console);
    return status;
}

static void push_tell_choice(const struct host_options *o, const struct firmware_file *firmware,
                             size_t fit)
{
    if (fit > 1 && !o->output.quiet)
        fprintf(stderr, "fwssh: %zu files fit; the newest is pushed: %s\n", fit, firmware->path);
}

/* A device that runs it gets the next one as differences. */
static void push_keep(const struct host_options *o, const struct firmware_file *firmware,
                      int status)
{
    bool went = status == EXIT_DONE || status == EXIT_SOME_FAILED || status == EXIT_UNCONFIRMED;

    if (went && firmware->kind == FIRMWARE_FW && !o->no_cache && !o->adaptive.dry_run &&
        o->adaptive.mode != ADAPTIVE_NEVER)
        firmware_cache_keep(firmware, FIRMWARE_CACHE_MAX);
}

/* Only of a .fw is it known by itself where a device has the like (key adaptive-sources for
 * others); a push that must not send more would. */
static int push_check_adaptive(const struct host_options *o, const struct firmware_file *file,
                               struct error *err)
{
    const struct adaptive_options *a = &o->adaptive;

    if (file->kind == FIRMWARE_FW || a->mode == ADAPTIVE_ALWAYS || (!a->dry_run && !a->max_bytes))
        return 0;
    return error_set(err, EXIT_USAGE,
                     "%s is %s, and only of a .fw archive is a part sent by itself; leave out "
                     "--dry-run and --max-bytes, or add --adaptive=always if the device has the "
                     "key adaptive-sources",
                     file->path, bundle_name(file->kind));
}

/* For several devices, the firmware is read once. */
static int push_open(const struct host_options *o, struct firmware_file *file,
                     struct firmware_stream *stream, size_t *fit, struct error *err)
{
    if (firmware_find(file, o->job.firmware, o->job.target, fit, err) ||
        push_check_adaptive(o, file, err))
        return -1;
    if (!fleet_options_are_used(&o->fleet) || !push_adaptive_is_asked_for(o, file))
        return 0;
    return firmware_stream_open(stream, file->fd, err);
}

static bool push_is_guarded(const struct host_options *o)
{
    return o->fleet.host_count <= PUSH_UNGUARDED_MAX || o->fleet.canary ||
           o->fleet.max_failures >= 0 || o->adaptive.dry_run;
}

/* JSON is for programs, which cannot answer. */
static int push_ask(const struct host_options *o, const struct firmware_file *file,
                    struct error *err)
{
    char question[300];

    if (o->yes || push_is_guarded(o))
        return 0;
    if (o->output.json || !ask_yes_is_possible())
        return error_set(err, EXIT_USAGE,
                         "nothing would stop a bad firmware on its way to all %zu devices; add "
                         "--canary 1 or --max-failures N, or --yes to push all the same",
                         o->fleet.host_count);
    snprintf(question, sizeof question,
             "Push %.150s to %zu devices, with neither --canary nor --max-failures to stop a bad "
             "one?",
             file->path, o->fleet.host_count);
    return ask_yes(question) ? 0 : error_set(err, EXIT_INTERRUPTED, "nothing was pushed");
}

/* A child process has a copy of the device's own limit, and shares that for all. */
static int push_limit(struct host_options *o, struct rate_limit *rate, struct error *err)
{
    *rate = (struct rate_limit){.rate = o->rate};
    o->reach.rate = rate;
    if (o->rate_all)
        o->reach.rate_all = rate_limit_new_shared(o->rate_all, err);
    return o->rate_all && !o->reach.rate_all ? -1 : 0;
}

int push_run(struct host_options *o)
{
    struct rate_limit rate;
    struct firmware_stream stream = {0};
    struct firmware_file firmware;
    struct error err;
    size_t fit;
    int status;

    interrupt_watch();
    if (o->fleet.discovered && discover_add_hosts(o, &err))
        return json_event_fail(&err, o->output.json);
    bool several = fleet_options_are_used(&o->fleet);
    /* All share one terminal: nobody could answer ssh's prompts. */
    o->reach.batch = several && !o->reach.passphrase;
    if (push_open(o, &firmware, &stream, &fit, &err) || push_ask(o, &firmware, &err) ||
        push_limit(o, &rate, &err)) {
        status = push_not_begun(o, &err);
    } else {
        push_tell_choice(o, &firmware, fit);
        const struct push_firmware push = {&firmware, stream.stored.bytes ? &stream : NULL};
        status = several ? fleet_run(o, &push, &err) : push_one(o, &push);
        if (status < 0)
            status = push_not_begun(o, &err);
        push_keep(o, &firmware, status);
    }
    firmware_stream_close(&stream);
    rate_limit_free_shared(o->reach.rate_all);
    firmware_file_close(&firmware);
    return status;
}
