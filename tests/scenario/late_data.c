/* SPDX-License-Identifier: Apache-2.0 */
/*
 * LD_PRELOAD, into fwssh-session: while the file LATE_DATA begins with a 1, ssh_event_dopoll()
 * finds nothing, as if what has arrived had done so a moment later. Other calls of libssh find it.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <libssh/libssh.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

static const volatile char *late_mark;
static ssh_event late_event;
static int (*late_dopoll)(ssh_event event, int timeout);
static int (*late_poll)(ssh_channel channel, int is_stderr);

int ssh_event_dopoll(ssh_event event, int timeout)
{
    late_event = event;
    return *late_mark == '1' ? SSH_AGAIN : late_dopoll(event, timeout);
}

int ssh_channel_poll(ssh_channel channel, int is_stderr)
{
    if (*late_mark == '1')
        late_dopoll(late_event, 0);
    return late_poll(channel, is_stderr);
}

/* Before the session enters its sandbox. */
__attribute__((constructor)) static void late_open(void)
{
    int fd = open(getenv("LATE_DATA"), O_RDONLY | O_CLOEXEC);
    void *mark = mmap(NULL, 1, PROT_READ, MAP_SHARED, fd, 0);

    if (fd < 0 || mark == MAP_FAILED)
        abort();
    close(fd);
    late_mark = mark;
    /* As dlsym(3) has it: ISO C converts no object pointer to one of a function. */
    *(void **)&late_dopoll = dlsym(RTLD_NEXT, "ssh_event_dopoll");
    *(void **)&late_poll = dlsym(RTLD_NEXT, "ssh_channel_poll");
}
