/* SPDX-License-Identifier: Apache-2.0 */
#include "base/spawn.h"

#include "base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* Above every descriptor number of a child, so that dup2() never overwrites a source that is still
 * needed. */
#define SPAWN_SAFE_FD 64

static int spawn_move_high(int fd)
{
    return fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, SPAWN_SAFE_FD);
}

static bool spawn_arrange_fds(const struct spawn *s)
{
    int high[SPAWN_FDS];
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);

    for (size_t i = 0; i < s->fd_count; i++) {
        high[i] = spawn_move_high(s->fds[i] < 0 && i < 3 ? null : s->fds[i]);
        if (high[i] < 0 && s->fds[i] >= 0)
            return false;
    }
    for (size_t i = 0; i < s->fd_count; i++) {
        if (high[i] < 0)
            close((int)i);
        else if (dup2(high[i], (int)i) < 0)
            return false;
    }
    return true;
}

static void spawn_close_rest(int first, int keep)
{
    io_close_range(first, keep - 1);
    io_close_range(keep + 1, INT_MAX);
}

static void spawn_default_signals(void)
{
    sigset_t none;

    for (int sig = 1; sig < NSIG; sig++)
        signal(sig, SIG_DFL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

static void spawn_child(const struct spawn *s, int report, pid_t parent)
{
    if (s->new_group)
        setsid();
    if (s->die_with_parent && (prctl(PR_SET_PDEATHSIG, SIGKILL) || getppid() != parent))
        _exit(127); /* the parent died before prctl() took effect */
    spawn_default_signals();
    report = fcntl(report, F_DUPFD_CLOEXEC, SPAWN_SAFE_FD + SPAWN_FDS);
    if (report < 0 || !spawn_arrange_fds(s))
        goto failed;
    spawn_close_rest((int)s->fd_count, report);
    for (char *const *e = s->extra_env; e && *e; e++)
        putenv(*e);
    if (s->in_child && !s->in_child(s->in_child_data))
        goto failed;
    execvp(s->program, s->argv);
failed:;
    int code = errno;
    (void)!write(report, &code, sizeof code);
    _exit(127);
}

pid_t spawn_start(const struct spawn *s, struct error *err)
{
    int report[2];
    int code;

    if (io_pipe(report))
        return error_errno(err, "cannot create a pipe");
    pid_t parent = getpid();
    pid_t pid = fork();
    if (pid == 0)
        spawn_child(s, report[1], parent);
    int fork_errno = errno;
    close(report[1]);
    if (pid < 0) {
        close(report[0]);
        errno = fork_errno;
        return error_errno(err, "cannot start a process for %s", s->program);
    }
    ssize_t n = io_read_full(report[0], &code, sizeof code);
    close(report[0]);
    if (n == sizeof code) {
        spawn_wait(pid);
        errno = code;
        return error_errno(err, "cannot run %s", s->program);
    }
    return pid;
}

int spawn_wait(pid_t pid)
{
    int status;

    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return -1;
    return status;
}

int spawn_watch(pid_t pid)
{
    return (int)syscall(SYS_pidfd_open, pid, 0);
}

bool spawn_has_ended(pid_t child)
{
    siginfo_t info = {0};

    return !waitid(P_PID, (id_t)child, &info, WEXITED | WNOHANG | WNOWAIT) && info.si_pid == child;
}

void spawn_describe(int wait_status, char *text, size_t size)
{
    if (WIFEXITED(wait_status))
        snprintf(text, size, "exited with status %d", WEXITSTATUS(wait_status));
    else
        snprintf(text, size, "was killed by signal %d (%s)", WTERMSIG(wait_status),
                 strsignal(WTERMSIG(wait_status)));
}
