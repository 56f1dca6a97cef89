/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/apply/op_shell.h"

#include "base/spawn.h"

#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

pid_t op_shell_start(const char *command, int input, bool framing, struct error *err)
{
    char *const argv[] = {"sh", "-c", (char *)command, NULL};
    struct spawn s = {
        .program = "/bin/sh",
        .argv = argv,
        .fds = {input, framing ? STDERR_FILENO : STDOUT_FILENO, STDERR_FILENO},
        .fd_count = 3,
    };

    fflush(stdout);
    return spawn_start(&s, err);
}

int op_shell_wait(const char *command, pid_t pid, struct error *err)
{
    char how[128];
    int status = spawn_wait(pid);

    if (status >= 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return 0;
    spawn_describe(status, how, sizeof how);
    return error_set(err, EXIT_FAILED, "the command '%.200s' %s", command, how);
}

int op_shell_run(const char *command, bool framing, struct error *err)
{
    pid_t pid = op_shell_start(command, -1, framing, err);

    return pid < 0 ? -1 : op_shell_wait(command, pid, err);
}
