/* SPDX-License-Identifier: Apache-2.0 */
#include "host/command/push_adaptive.h"

#include "base/io.h"
#include "base/memory.h"
#include "host/adaptive/device_memory.h"
#include "host/adaptive/firmware_cache.h"
#include "host/command/push_check.h"
#include "host/remote/server_software.h"
#include "wire/slot_facts.h"
#include "wire/subsystem.h"

#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Below this the questions cost more than they save. */
#define PUSH_ADAPTIVE_FROM 65536
/* Files beside the firmware that are looked at. */
#define PUSH_ADAPTIVE_BESIDE 16

bool push_adaptive_is_asked_for(const struct host_options *o, const struct firmware_file *firmware)
{
    if ((firmware->kind != FIRMWARE_FW && o->adaptive.mode != ADAPTIVE_ALWAYS) ||
        o->adaptive.mode == ADAPTIVE_NEVER || o->reach.exec ||
        strcmp(o->reach.subsystem, SUBSYSTEM_NERVES))
        return false;
    return o->adaptive.mode == ADAPTIVE_ALWAYS || o->adaptive.dry_run || o->adaptive.max_bytes ||
           firmware->size >= PUSH_ADAPTIVE_FROM;
}

bool push_adaptive_is_wanted(const struct wait *w, const struct ssh_target *target,
                             struct device_memory *memory)
{
    char software[SOFTWARE_MAX + 1];

    if (!push_adaptive_is_asked_for(w->o, w->firmware) || w->before.unknown)
        return false;
    *memory = device_memory_read(target->known_as);
    /* Where the device has been asked already, it has said so. */
    if (w->before.facts.count)
        return slot_facts_can(&w->before.facts, "assemble");
    if (w->o->adaptive.mode == ADAPTIVE_ALWAYS || w->agentless)
        return true;
    if (memory->ability != DEVICE_UNKNOWN && !w->o->adaptive.dry_run)
        return memory->ability == DEVICE_ASSEMBLES;
    /* Whoever would refuse the request would have to be logged in to a second time. */
    return !server_software_read(&w->o->reach, target, software) || software_may_assemble(software);
}

static bool push_adaptive_same_text(const char *a, const char *b)
{
    return !strcmp(a ? a : "", b ? b : "");
}

/* Opens a base, which must have this UUID (NULL: any): the descriptor, or -1. A firmware of another
 * product is none: a device that lies about what it runs would be told something about it. */
static int push_adaptive_open_base(const struct wait *w, const char *path, const char *uuid)
{
    struct firmware_file base;
    struct error ignored;
    int fd = -1;

    if (!firmware_file_open(&base, path, &ignored) && (!uuid || !strcmp(base.uuid, uuid)) &&
        push_adaptive_same_text(base.product, w->firmware->product) &&
        strcmp(base.uuid, w->firmware->uuid)) {
        fd = base.fd;
        base.fd = -1;
    }
    firmware_file_close(&base);
    return fd;
}

/* Where a firmware is built, older ones may lie beside it. */
static int push_adaptive_find_beside(const struct wait *w, const char *uuid)
{
    const char *path = w->firmware->path;
    const char *slash = strrchr(path, '/');
    char *pattern = memory_printf("%.*s*.fw", slash ? (int)(slash - path) + 1 : 0, path);
    glob_t found = {0};
    int fd = -1;

    if (*uuid && !glob(pattern, 0, NULL, &found))
        for (size_t i = 0; i < found.gl_pathc && i < PUSH_ADAPTIVE_BESIDE && fd < 0; i++)
            fd = push_adaptive_open_base(w, found.gl_pathv[i], uuid);
    globfree(&found);
    free(pattern);
    return fd;
}

static int push_adaptive_find_base(void *data, const char *uuid)
{
    const struct wait *w = data;
    const struct host_options *o = w->o;

    if (o->adaptive.base)
        return push_adaptive_open_base(w, o->adaptive.base, NULL);
    if (o->no_cache)
        return -1;
    char *kept = firmware_cache_find(uuid);
    int fd = kept ? push_adaptive_open_base(w, kept, uuid) : -1;
    free(kept);
    return fd < 0 ? push_adaptive_find_beside(w, uuid) : fd;
}

static bool push_adaptive_is_same(const struct wait *w, const struct facts *facts)
{
    return *w->firmware->uuid && !w->o->job.force && !w->o->job.stage && !w->o->job.task &&
           slot_facts_state(facts) == SLOT_SETTLED && push_check_is_settled(w->o, facts) &&
           !strcmp(facts_get(facts, "uuid"), w->firmware->uuid);
}

static enum adaptive_ending push_adaptive_look(void *data, const struct facts *facts)
{
    struct wait *w = data;
    struct buffer ignored = {0};
    enum adaptive_ending ending = ADAPTIVE_RAN;

    if (!w->before.facts.count) {
        for (size_t i = 0; i < facts->count; i++)
            facts_set(&w->before.facts, facts->fact[i].name, facts->fact[i].value);
        push_check_name(w);
    }
    if (push_adaptive_is_same(w, facts))
        ending = ADAPTIVE_SAME;
    else if (push_check(w, &ignored) >= 0)
        ending = ADAPTIVE_REFUSED;
    buffer_free(&ignored);
    return ending;
}

/* What this push has shown of the device. */
static void push_adaptive_remember(struct push_adaptive *p, const struct transfer *t,
                                   const struct ssh_target *target)
{
    struct device_memory before = p->memory, *m = &p->memory;
    double seconds = t->all_sent - p->adaptive.began;

    if (p->adaptive.answered || p->adaptive.ending == ADAPTIVE_CANNOT)
        m->ability = p->adaptive.answered ? DEVICE_ASSEMBLES : DEVICE_DOES_NOT;
    const char *runs =
        t->all_sent > 0 ? p->w->firmware->uuid : facts_get(&p->w->before.facts, "uuid");
    snprintf(m->runs, sizeof m->runs, "%s", runs);
    if (p->adaptive.whole && t->all_sent > 0 && seconds > 0)
        m->rate = (double)t->total / seconds;
    if (m->ability != before.ability || m->rate != before.rate || strcmp(m->runs, before.runs))
        device_memory_write(target->known_as, m);
}

int push_adaptive_run(struct push_adaptive *p, struct wait *w, struct transfer *t,
                      const struct ssh_call *call, struct error *err)
{
    p->w = w;
    p->adaptive = (struct adaptive){.options = &w->o->adaptive,
                                    .firmware = w->stream ? w->stream : &p->own,
                                    .find_base = push_adaptive_find_base,
                                    .find_data = w,
                                    .runs = p->memory.runs,
                                    .judge = push_adaptive_look,
                                    .judge_data = w};
    p->adaptive.rate = w->o->rate || w->o->rate_all ? 0 : p->memory.rate;
    int rc = adaptive_run(&p->adaptive, t, call, err);
    push_adaptive_remember(p, t, call->target);
    return rc;
}

void push_adaptive_free(struct push_adaptive *p)
{
    firmware_stream_close(&p->own);
}

int push_adaptive_judge(const struct push_adaptive *p, struct buffer *text)
{
    const struct adaptive *a = &p->adaptive;
    double archive = (double)p->w->firmware->size / 1e6;

    if (a->ending == ADAPTIVE_SAME) {
        buffer_add_text(text, "The device already runs this firmware; nothing was sent (--force "
                              "pushes it anyway).");
        return EXIT_DONE;
    }
    if (a->ending == ADAPTIVE_REFUSED)
        return push_check(p->w, text);
    if (a->ending == ADAPTIVE_DRY) {
        buffer_printf(text, "Dry run: %.3f of %.1f MB would be sent%s; nothing was written.",
                      (double)a->expected / 1e6, archive, a->whole ? ", the whole firmware" : "");
        return EXIT_DONE;
    }
    buffer_printf(
        text,
        "more than %llu bytes would have to be sent (--max-bytes); %llu were, and nothing "
        "was activated",
        (unsigned long long)p->w->o->adaptive.max_bytes, (unsigned long long)a->bytes);
    return EXIT_FAILED;
}

void push_adaptive_note(const struct push_adaptive *p, const struct transfer *t)
{
    const struct adaptive *a = &p->adaptive;
    uint64_t stream = a->firmware->stored.len;
    const struct console_transfer sent = {.bytes = a->bytes,
                                          .archive = t->total,
                                          .stream = stream,
                                          .held = stream - a->missing,
                                          .base = a->has_base,
                                          .whole = a->whole,
                                          .slow = a->too_slow};

    console_transfer(t->console, &sent);
}
