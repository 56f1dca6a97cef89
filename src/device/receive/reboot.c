/* SPDX-License-Identifier: Apache-2.0 */
#include "device/receive/reboot.h"

#include "base/argv.h"
#include "base/buffer.h"
#include "base/device_lock.h"
#include "base/io.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/reboot_param.h"
#include "base/spawn.h"
#include "device/config/log_events.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/reboot.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define REBOOT_WAIT_MS 5000
#define REBOOT_LOOK_MS 50
/* The lock is held this long; a working reboot ends this process, too. */
#define REBOOT_HOLD_SECONDS 60
/* Of a command that hangs, while the lock is held. */
#define REBOOT_TRIES 2

/* For devices whose init has nothing to shut down. */
static pid_t reboot_by_kernel(struct error *err)
{
    char param[REBOOT_PARAM_SIZE];
    pid_t pid = fork();

    if (pid < 0)
        return error_errno(err, "cannot start a process for the reboot");
    if (pid > 0)
        return pid;
    reboot_param_read(param, sizeof param);
    sync();
    syscall(SYS_reboot, LINUX_REBOOT_MAGIC1, LINUX_REBOOT_MAGIC2,
            *param ? LINUX_REBOOT_CMD_RESTART2 : LINUX_REBOOT_CMD_RESTART, param);
    log_event(LOG_LEVEL_ERROR, EVENT_REBOOT_FAILED, NULL, "the kernel refused to reboot: %s",
              strerror(errno));
    _exit(EXIT_FAILED);
}

/* No die_with_parent: the reboot ends this process before the command has finished. */
static pid_t reboot_by_command(const char *command, struct error *err)
{
    struct argv argv = {0};

    argv_split(&argv, command);
    struct spawn s = {.program = argv.count ? argv.word[0] : "",
                      .argv = argv.word,
                      .fds = {-1, -1, STDERR_FILENO},
                      .fd_count = 3,
                      .new_group = true};
    pid_t pid = spawn_start(&s, err);
    argv_free(&argv);
    return pid;
}

pid_t reboot_start(const char *command, struct error *err)
{
    if (!strcmp(command, REBOOT_BY_KERNEL))
        return reboot_by_kernel(err);
    return reboot_by_command(command, err);
}

void reboot_kill(pid_t pid)
{
    kill(-pid, SIGKILL);
    kill(pid, SIGKILL); /* reboot_by_kernel() has no group of its own */
}

int reboot_run(const char *command)
{
    struct error err;
    char how[80];
    pid_t pid = reboot_start(command, &err);

    if (pid < 0) {
        log_event(LOG_LEVEL_ERROR, EVENT_REBOOT_FAILED, NULL, "%s", err.text);
        return -1;
    }
    double end = io_now() + REBOOT_SECONDS;
    while (!spawn_has_ended(pid) && io_now() < end)
        (void)poll(NULL, 0, REBOOT_LOOK_MS);
    if (!spawn_has_ended(pid)) {
        reboot_kill(pid);
        log_event(LOG_LEVEL_ERROR, EVENT_REBOOT_FAILED, NULL,
                  "the reboot command %s did not end within %d seconds and was killed", command,
                  REBOOT_SECONDS);
        return 1; /* not reaped here: what hangs in the kernel does not end by a signal */
    }
    int status = spawn_wait(pid);
    if (!status)
        return 0;
    spawn_describe(status, how, sizeof how);
    log_event(LOG_LEVEL_ERROR, EVENT_REBOOT_FAILED, NULL, "the reboot command %s %s", command, how);
    return -1;
}

/* Waits for the SSH server's process to exit, REBOOT_WAIT_MS at most. */
static void reboot_await(pid_t server)
{
    struct pollfd p = {.fd = spawn_watch(server), .events = POLLIN};
    double end = io_now() + REBOOT_WAIT_MS / 1e3;

    if (p.fd >= 0)
        (void)poll(&p, 1, REBOOT_WAIT_MS);
    while (p.fd < 0 && !kill(server, 0) && io_now() < end)
        (void)poll(NULL, 0, REBOOT_LOOK_MS);
    io_close(&p.fd);
}

static void reboot_wait_and_run(const char *command, pid_t server)
{
    reboot_await(server);
    for (int tries = REBOOT_TRIES; tries; tries--) {
        int rc = reboot_run(command);
        if (!rc)
            sleep(REBOOT_HOLD_SECONDS);
        if (rc <= 0)
            return;
    }
}

/* proc(5), /proc/PID/stat: the fields follow the name, which may contain blanks and parentheses. */
static pid_t reboot_parent_of(pid_t pid)
{
    char path[64], text[512] = "";
    int parent = 0;

    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    FILE *f = fopen(path, "re");
    if (!f)
        return 0;
    if (!fgets(text, sizeof text, f))
        text[0] = '\0';
    fclose(f);
    const char *name_end = strrchr(text, ')');
    if (!name_end || sscanf(name_end + 1, " %*c %d", &parent) != 1)
        return 0;
    return parent;
}

static bool reboot_is_shell(pid_t pid)
{
    const char *shell = getenv("SHELL");
    char path[64], program[PATH_MAX] = "", wanted[PATH_MAX];

    snprintf(path, sizeof path, "/proc/%d/exe", (int)pid);
    return readlink(path, program, sizeof program - 1) > 0 &&
           realpath(shell ? shell : "/bin/sh", wanted) && !strcmp(program, wanted);
}

/* The SSH server's process: our parent, or the one above if our parent is the account's shell. */
static pid_t reboot_server(void)
{
    pid_t parent = getppid();

    return reboot_is_shell(parent) ? reboot_parent_of(parent) : parent;
}

int reboot_later(const char *command, int lock, struct error *err)
{
    pid_t server = reboot_server();
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);

    if (lock >= 0)
        device_lock_note_reboot(lock);
    pid_t pid = fork(); /* inherits the lock */
    if (pid < 0)
        return error_errno(err, "cannot start a process for the reboot");
    if (pid > 0)
        return 0;
    setsid();
    /* The SSH server waits for these to be closed before it ends the session. */
    for (int fd = 0; fd < 3; fd++)
        dup2(null, fd);
    reboot_wait_and_run(command, server);
    _exit(0);
}
