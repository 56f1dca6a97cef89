/* SPDX-License-Identifier: Apache-2.0 */
#include "host/command/fleet.h"

#include "base/io.h"
#include "base/memory.h"
#include "base/spawn.h"
#include "host/command/fleet_state.h"
#include "host/command/push_device.h"
#include "host/output/fleet_view.h"
#include "host/remote/interrupt.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* Seconds before a device that could not be reached is tried again: doubled each time. */
#define FLEET_FIRST_PAUSE 5
#define FLEET_LONGEST_PAUSE 600
/* In the exit status of a device's process: it got everything, and was waited for. */
#define FLEET_WAITED 64

struct fleet {
    const struct host_options *o;
    const struct push_firmware *firmware;
    struct fleet_view view;
    struct fleet_state state;
    size_t started; /* in the order of the list */
    int running, failed;
    double until;       /* when to try no more */
    bool forgets;       /* a device's end could not be noted */
    bool no_more;       /* too many have failed, or it was interrupted */
    const char *why;    /* the reason for no_more */
    bool told_children; /* about the second interrupt */
};

static struct fleet_device *fleet_device(const struct fleet *f, size_t i)
{
    return &f->view.device[i];
}

static int fleet_child(const struct fleet *f, size_t i, int out)
{
    const char *host = f->o->fleet.hosts[i];
    struct push_history history = {.done_before = fleet_state_is_done(&f->state, host)};
    struct console console;
    struct error err;

    prctl(PR_SET_PDEATHSIG, SIGTERM);
    setpgid(0, 0); /* interrupts from the terminal are for the parent */
    int status = console_open(&console, host, &f->o->output, &err) ? (int)err.status : EXIT_DONE;
    console.out = fdopen(out, "w");
    console.relays_result = true;
    if (!f->o->output.json)
        console.mode = CONSOLE_RELAY;
    if (status)
        status = console_result(&console, status, err.text);
    else
        status = push_device(f->o, host, f->firmware, &console, &history);
    console_close(&console);
    return status | (history.waited ? FLEET_WAITED : 0);
}

static int fleet_start(struct fleet *f, size_t i)
{
    struct fleet_device *d = fleet_device(f, i);
    int out[2];

    if (io_pipe(out))
        return -1;
    fflush(stdout);
    d->pid = fork();
    if (d->pid == 0) {
        close(out[0]);
        _exit(fleet_child(f, i, out[1]));
    }
    close(out[1]);
    if (d->pid < 0) {
        close(out[0]);
        return -1;
    }
    d->fd = out[0];
    f->started += i == f->started;
    fleet_view_started(&f->view, d);
    f->running++;
    return 0;
}

static void fleet_stop(struct fleet *f, const char *why)
{
    if (!f->no_more)
        f->why = why;
    f->no_more = true;
}

/* A device that got everything and did not come back is not one that was away. */
static bool fleet_tries_again(const struct fleet *f, const struct fleet_device *d, bool waited)
{
    return d->status == EXIT_UNREACHABLE && !waited && !f->no_more && io_now() < f->until;
}

static void fleet_defer(struct fleet *f, struct fleet_device *d)
{
    double pause = FLEET_FIRST_PAUSE, now = io_now();
    char text[80];

    for (int i = 0; i < d->tries && pause < FLEET_LONGEST_PAUSE; i++)
        pause *= 2;
    pause = pause < FLEET_LONGEST_PAUSE ? pause : FLEET_LONGEST_PAUSE;
    d->due = now + pause < f->until ? now + pause : f->until;
    d->tries++;
    snprintf(text, sizeof text, "it is tried again in %.0f s", d->due - now);
    fleet_view_pending(&f->view, d, text);
}

static void fleet_note(struct fleet *f, const struct fleet_device *d)
{
    struct error err;

    /* A dry run has updated nothing, whatever its result. */
    if (f->o->adaptive.dry_run ||
        !fleet_state_add(&f->state, d->host, d->status, buffer_text(&d->state), &err))
        return;
    fprintf(stderr, "fwssh: %s; another run with this --state will not know how %s ended\n",
            err.text, d->host);
    f->forgets = true;
    fleet_stop(f, "the state cannot be written (--state)");
}

static void fleet_end(struct fleet *f, struct fleet_device *d)
{
    io_close(&d->fd);
    int status = spawn_wait(d->pid);
    bool waited = WIFEXITED(status) && WEXITSTATUS(status) & FLEET_WAITED;
    d->pid = 0;
    d->ended = io_now();
    d->status = WIFEXITED(status) ? WEXITSTATUS(status) & ~FLEET_WAITED : EXIT_FAILED;
    f->running--;
    fleet_note(f, d);
    if (fleet_tries_again(f, d, waited)) {
        fleet_defer(f, d);
        return;
    }
    f->failed += d->status != EXIT_DONE;
    if (f->o->fleet.max_failures >= 0 && f->failed > f->o->fleet.max_failures)
        fleet_stop(f, "too many devices failed (--max-failures)");
    if (d->status != EXIT_DONE && d < fleet_device(f, (size_t)f->o->fleet.canary))
        fleet_stop(f, "a canary failed (--canary)");
    fleet_view_ended(&f->view, d);
}

/* The canaries have to be done before the others start. */
static size_t fleet_reach(const struct fleet *f)
{
    size_t canary = (size_t)f->o->fleet.canary, count = f->o->fleet.host_count;

    for (size_t i = 0; i < canary && i < count; i++)
        if (i >= f->started || fleet_device(f, i)->pid > 0 || fleet_device(f, i)->due > 0)
            return canary < count ? canary : count;
    return count;
}

/* The next device to start; the number of devices if there is none now. */
static size_t fleet_next(const struct fleet *f)
{
    size_t reach = fleet_reach(f);
    double now = io_now();

    if (f->no_more || f->running >= f->o->fleet.jobs)
        return f->o->fleet.host_count;
    if (f->started < reach)
        return f->started;
    for (size_t i = 0; i < reach; i++)
        if (fleet_device(f, i)->due > 0 && fleet_device(f, i)->due <= now)
            return i;
    return f->o->fleet.host_count;
}

static void fleet_start_more(struct fleet *f)
{
    for (size_t i; (i = fleet_next(f)) < f->o->fleet.host_count;)
        if (fleet_start(f, i))
            fleet_stop(f, "cannot start more processes");
}

static bool fleet_has_pending(const struct fleet *f)
{
    for (size_t i = 0; i < f->started; i++)
        if (fleet_device(f, i)->due > 0)
            return true;
    return false;
}

static bool fleet_goes_on(const struct fleet *f)
{
    return f->running ||
           (!f->no_more && (f->started < f->o->fleet.host_count || fleet_has_pending(f)));
}

static void fleet_signals(struct fleet *f)
{
    if (!interrupt_came())
        return;
    fleet_stop(f, "interrupted");
    if (interrupt_count() < 2 || f->told_children)
        return;
    f->told_children = true;
    for (size_t i = 0; i < f->started; i++)
        if (fleet_device(f, i)->pid > 0)
            (void)(kill(fleet_device(f, i)->pid, SIGTERM) ||
                   kill(fleet_device(f, i)->pid, SIGCONT));
}

static void fleet_listen(struct fleet *f)
{
    struct pollfd *p = memory_new(f->started + 1, sizeof *p);

    for (size_t i = 0; i < f->started; i++)
        p[i] = (struct pollfd){.fd = fleet_device(f, i)->fd, .events = POLLIN};
    (void)poll(p, f->started, 200);
    for (size_t i = 0; i < f->started; i++)
        if (p[i].fd >= 0 && p[i].revents && !fleet_view_read(&f->view, fleet_device(f, i)))
            fleet_end(f, fleet_device(f, i));
    free(p);
}

static void fleet_loop(struct fleet *f)
{
    while (fleet_goes_on(f)) {
        fleet_start_more(f);
        fleet_listen(f);
        fleet_signals(f);
        fleet_view_draw(&f->view);
    }
}

int fleet_run(const struct host_options *o, const struct push_firmware *firmware, struct error *err)
{
    const struct firmware_file *file = firmware->file;
    struct fleet f = {.o = o, .firmware = firmware};

    if (fleet_state_open(&f.state, o->fleet.state, *file->uuid ? file->uuid : file->sha256, err)) {
        fleet_state_close(&f.state);
        return -1;
    }
    f.until = o->fleet.until ? io_now() + o->fleet.until : 0;
    fleet_view_open(&f.view, &o->output, o->fleet.hosts, o->fleet.host_count, file);
    fleet_loop(&f);
    int status = fleet_view_close(&f.view, f.why, f.forgets ? EXIT_FAILED : EXIT_DONE,
                                  interrupt_came() ? EXIT_INTERRUPTED : EXIT_SOME_FAILED);
    fleet_state_close(&f.state);
    return status;
}
