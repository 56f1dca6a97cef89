/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs a program and appends to a file the CPU seconds that it and its children took, and the most
 * memory that one of them had, in kB:
 *
 *   meter LOG PROGRAM [ARGUMENT]...
 *
 * It lets go of every descriptor that it was given, so that it keeps no pipe open.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static double seconds(struct timeval t)
{
    return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

int main(int argc, char **argv)
{
    struct rusage used;
    char line[64];
    int status,
        log = argc < 3 ? -1 : open(argv[1], O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);

    if (log < 0)
        return 2;
    pid_t pid = fork();
    if (pid == 0) {
        execv(argv[2], argv + 2);
        _exit(127);
    }
    for (int fd = 0; fd < log; fd++)
        close(fd);
    if (pid < 0 || wait4(pid, &status, 0, &used) != pid)
        return 2;
    int len = snprintf(line, sizeof line, "%.6f %ld\n",
                       seconds(used.ru_utime) + seconds(used.ru_stime), used.ru_maxrss);
    if (write(log, line, (size_t)len) != len)
        return 2;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
