/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fwssh-session, taken over: once a key has logged in whose comment begins with "probe-", it tries
 * what the comment names. record_send() is wrapped by the linker, so the session itself is as it
 * is.
 */
#include "device/monitor/record.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <unistd.h>

int __real_record_send(int socket, enum record_type type, uint32_t value, const char *text,
                       const int *fds);
int __wrap_record_send(int socket, enum record_type type, uint32_t value, const char *text,
                       const int *fds);

static void probe(const char *what)
{
    char *const argv[] = {"true", NULL};

    if (!strcmp(what, "open"))
        (void)open("/etc/passwd", O_RDONLY);
    else if (!strcmp(what, "socket"))
        (void)socket(AF_INET, SOCK_STREAM, 0);
    else if (!strcmp(what, "execve"))
        (void)execv("/bin/true", argv);
    else if (!strcmp(what, "ptrace"))
        (void)ptrace(PTRACE_TRACEME, 0, NULL, NULL);
    else if (!strcmp(what, "fork"))
        (void)fork();
    else if (!strcmp(what, "kill"))
        (void)kill(getppid(), 0);
    else if (!strcmp(what, "mprotect"))
        (void)mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

int __wrap_record_send(int socket, enum record_type type, uint32_t value, const char *text,
                       const int *fds)
{
    const char *what = type == RECORD_AUTHENTICATED ? strstr(text, " probe-") : NULL;
    int rc = __real_record_send(socket, type, value, text, fds);

    if (what)
        probe(what + strlen(" probe-"));
    return rc;
}
