/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs a program and appends to a file how many bytes went to its standard input and came from its
 * standard output:
 *
 *   count LOG PROGRAM [ARGUMENT]...
 *
 * Between fwssh and ssh, this is what SSH carries, without what SSH itself adds.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

struct way {
    int from, to;
    unsigned long long bytes;
};

static int write_all(int fd, const char *bytes, size_t len)
{
    while (len) {
        ssize_t n = write(fd, bytes, len);
        if (n < 0)
            return -1;
        bytes += n;
        len -= (size_t)n;
    }
    return 0;
}

static void *copy(void *data)
{
    struct way *w = data;
    char piece[65536];
    ssize_t n;

    while ((n = read(w->from, piece, sizeof piece)) > 0 && !write_all(w->to, piece, (size_t)n))
        w->bytes += (unsigned long long)n;
    close(w->to);
    close(w->from);
    return NULL;
}

static pid_t start(char **argv, int in[2], int out[2])
{
    if (pipe2(in, O_CLOEXEC) || pipe2(out, O_CLOEXEC))
        return -1;
    pid_t pid = fork();
    if (pid == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGTERM);
        dup2(in[0], STDIN_FILENO);
        dup2(out[1], STDOUT_FILENO);
        execvp(argv[0], argv);
        _exit(127);
    }
    close(in[0]);
    close(out[1]);
    return pid;
}

int main(int argc, char **argv)
{
    int log = argc < 3 ? -1 : open(argv[1], O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    int in[2], out[2], status;
    char line[64];
    pthread_t thread;

    if (log < 0)
        return 2;
    /* fwssh kills the shell that has started this. */
    (void)prctl(PR_SET_PDEATHSIG, SIGTERM);
    pid_t pid = start(argv + 2, in, out);
    signal(SIGPIPE, SIG_IGN);
    struct way there = {STDIN_FILENO, in[1], 0}, back = {out[0], STDOUT_FILENO, 0};
    if (pid < 0 || pthread_create(&thread, NULL, copy, &there))
        return 2;
    copy(&back);
    if (waitpid(pid, &status, 0) != pid)
        return 2;
    int len = snprintf(line, sizeof line, "%llu %llu\n", there.bytes, back.bytes);
    if (write(log, line, (size_t)len) != len)
        return 2;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 255;
}
