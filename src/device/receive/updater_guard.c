/* SPDX-License-Identifier: Apache-2.0 */
#include "device/receive/updater_guard.h"

#include "base/io.h"
#include "base/spawn.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#define GUARD_RELEASE 'r'
#define GUARD_END 'e'

/* Closes everything else, above all the client's pipes: others wait for their end. */
static void guard_keep_only(int *control, int *in)
{
    int high = *control > *in ? *control : *in;

    for (int fd = 0; fd < high; fd++)
        if (fd != *control && fd != *in)
            close(fd);
    io_close_range(high + 1, INT_MAX);
}

static void guard_run(pid_t updater, int control, int in)
{
    char word;
    ssize_t n;

    setsid(); /* so as not to be killed with fwssh-receive's process group */
    prctl(PR_SET_NAME, "fwssh-guard");
    guard_keep_only(&control, &in);
    while ((n = read(control, &word, 1)) != 0) {
        if (n < 0 && errno != EINTR)
            break;
        if (n > 0 && word == GUARD_END)
            _exit(0);
        if (n > 0 && word == GUARD_RELEASE)
            io_close(&in);
    }
    kill(-updater, SIGKILL);
    _exit(0);
}

int updater_guard_start(struct updater_guard *g, pid_t updater, int in, struct error *err)
{
    int control[2];

    *g = (struct updater_guard){.control = -1};
    if (io_pipe(control))
        return error_errno(err, "cannot create a pipe");
    g->pid = fork();
    if (g->pid == 0) {
        close(control[1]);
        guard_run(updater, control[0], in);
    }
    close(control[0]);
    if (g->pid < 0) {
        close(control[1]);
        return error_errno(err, "cannot start a process");
    }
    g->control = control[1];
    return 0;
}

void updater_guard_release(struct updater_guard *g)
{
    if (g->control >= 0)
        (void)io_write_all(g->control, &(char){GUARD_RELEASE}, 1);
}

void updater_guard_end(struct updater_guard *g)
{
    if (g->control < 0)
        return;
    (void)io_write_all(g->control, &(char){GUARD_END}, 1);
    io_close(&g->control);
    spawn_wait(g->pid);
}
