#include "host/command/fleet.h"

#include "base/io.h"
#include "base/memory.h"
#include "base/spawn.h"
#include "host/command/push_device.h"
#include "host/output/fleet_view.h"
#include "host/remote/interrupt.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

struct fleet {
    const struct host_options *o;
    const struct push_firmware *firmware;
    struct fleet_view view;
    size_t started; /* in the order of the list */
    int running, failed;
    bool no_more;       /* too many have failed, or it was interrupted */
    const char *why;    /* the reason for no_more */
    bool told_children; /* about the second interrupt */
};

static struct fleet_device *fleet_device(const struct fleet *f, size_t i)
{
    return &f->view.device[i];
}

/* The child opens the firmware again: a shared descriptor would have one position for all. */
static int fleet_child(const struct fleet *f, size_t i, int out)
{
    const char *host = f->o->fleet.hosts[i];
    struct firmware_file file = *f->firmware->file;
    struct push_firmware firmware = {.file = &file, .stream = f->firmware->stream};
    struct console console;
    struct error err;

    prctl(PR_SET_PDEATHSIG, SIGTERM);
    setpgid(0, 0); /* interrupts from the terminal are for the parent */
    file.fd = open(file.path, O_RDONLY | O_CLOEXEC);
    int status = console_open(&console, host, &f->o->output, &err) ? (int)err.status : EXIT_DONE;
    console.out = fdopen(out, "w");
    if (!f->o->output.json)
        console.mode = CONSOLE_RELAY;
    if (status)
        status = console_result(&console, status, err.text);
    else
        status = push_device(f->o, host, &firmware, &console);
    console_close(&console);
    return status;
}

static int fleet_start(struct fleet *f)
{
    struct fleet_device *d = fleet_device(f, f->started);
    int out[2];

    if (io_pipe(out))
        return -1;
    fflush(stdout);
    d->pid = fork();
    if (d->pid == 0) {
        close(out[0]);
        _exit(fleet_child(f, f->started, out[1]));
    }
    close(out[1]);
    if (d->pid < 0) {
        close(out[0]);
        return -1;
    }
    d->fd = out[0];
    d->began = io_now();
    fleet_view_state(&f->view, d, "connecting");
    f->started++;
    f->running++;
    return 0;
}

static void fleet_stop(struct fleet *f, const char *why)
{
    if (!f->no_more)
        f->why = why;
    f->no_more = true;
}

static void fleet_end(struct fleet *f, struct fleet_device *d)
{
    io_close(&d->fd);
    int status = spawn_wait(d->pid);
    d->pid = 0;
    d->ended = io_now();
    d->status = WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_FAILED;
    f->running--;
    f->failed += d->status != EXIT_DONE;
    if (f->o->fleet.max_failures >= 0 && f->failed > f->o->fleet.max_failures)
        fleet_stop(f, "too many devices failed (--max-failures)");
    if (d->status != EXIT_DONE && d < fleet_device(f, (size_t)f->o->fleet.canary))
        fleet_stop(f, "a canary failed (--canary)");
    fleet_view_ended(&f->view, d);
}

static bool fleet_may_start(const struct fleet *f)
{
    size_t canary = (size_t)f->o->fleet.canary;

    if (f->no_more || f->started == f->o->fleet.host_count || f->running >= f->o->fleet.jobs)
        return false;
    /* The canaries have to be done before the others start. */
    return f->started < canary || !canary || f->started > canary || f->running == 0;
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

int fleet_run(const struct host_options *o, const struct push_firmware *firmware)
{
    struct fleet f = {.o = o, .firmware = firmware};

    fleet_view_open(&f.view, &o->output, o->fleet.hosts, o->fleet.host_count, firmware->file);
    while (f.running || fleet_may_start(&f)) {
        while (fleet_may_start(&f))
            if (fleet_start(&f))
                fleet_stop(&f, "cannot start more processes");
        if (f.running)
            fleet_listen(&f);
        fleet_signals(&f);
        fleet_view_draw(&f.view);
    }
    int missing = fleet_view_close(&f.view, f.why);
    if (interrupt_came())
        return EXIT_INTERRUPTED;
    return missing ? EXIT_SOME_FAILED : EXIT_DONE;
}
