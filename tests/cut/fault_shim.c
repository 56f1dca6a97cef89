/* SPDX-License-Identifier: Apache-2.0 */
/*
 * LD_PRELOAD: faults of a device under an updater, as a bad card gives them.
 *
 *   FAULT_DEVICE  the file; all others are left alone
 *   FAULT_LOG     gets a letter for each call on it: R(ead), W(rite), F(lush)
 *   FAULT_AT      W3: the third write; W0: each write; likewise R and F
 *   FAULT_KIND    eio, enospc, short, eintr (of all calls each second one), storm (short and eintr
 *                 in turns), slow,
 *                 stop (SIGSTOP before the call), torn (half of the call, then SIGSTOP),
 *                 late (the call, then SIGSTOP)
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define SLOW_NS 150000000
#define SHORT_READ 7

static pthread_mutex_t fault_mutex = PTHREAD_MUTEX_INITIALIZER;
static long fault_calls[128];
static bool fault_odd;

static bool fault_on_device(int fd)
{
    const char *path = getenv("FAULT_DEVICE");
    struct stat device, other;

    return path && !stat(path, &device) && !fstat(fd, &other) && device.st_dev == other.st_dev &&
           device.st_ino == other.st_ino;
}

static void fault_log(char letter)
{
    const char *path = getenv("FAULT_LOG");
    int fd = path ? open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644) : -1;

    if (fd >= 0) {
        (void)!syscall(SYS_write, fd, &letter, 1);
        close(fd);
    }
}

/* The kind of fault that this call has to suffer, or "". */
static const char *fault_for(int fd, char letter)
{
    const char *at = getenv("FAULT_AT"), *kind = getenv("FAULT_KIND");

    if (!fault_on_device(fd))
        return "";
    fault_log(letter);
    pthread_mutex_lock(&fault_mutex);
    long call = ++fault_calls[(int)letter];
    bool odd = fault_odd = !fault_odd;
    pthread_mutex_unlock(&fault_mutex);
    if (!at || !kind || *at != letter)
        return "";
    long wanted = strtol(at + 1, NULL, 10);
    if (wanted && wanted != call)
        return "";
    if (!strcmp(kind, "storm"))
        return odd ? "short" : "eintr";
    return !strcmp(kind, "eintr") && !wanted && !odd ? "" : kind;
}

/* 0, or -1 with errno: the call fails. *half: it is cut short. *stop: SIGSTOP follows it. */
static int fault_suffer(const char *kind, bool *half, bool *stop)
{
    static const struct {
        const char *kind;
        int number;
    } errors[] = {{"eio", EIO}, {"enospc", ENOSPC}, {"eintr", EINTR}};

    for (size_t i = 0; i < sizeof errors / sizeof *errors; i++)
        if (!strcmp(kind, errors[i].kind)) {
            errno = errors[i].number;
            return -1;
        }
    if (!strcmp(kind, "slow"))
        nanosleep(&(struct timespec){.tv_nsec = SLOW_NS}, NULL);
    if (!strcmp(kind, "stop"))
        raise(SIGSTOP);
    *half = !strcmp(kind, "short") || !strcmp(kind, "torn");
    *stop = !strcmp(kind, "torn") || !strcmp(kind, "late");
    return 0;
}

ssize_t pwrite(int fd, const void *data, size_t len, off_t offset)
{
    bool half = false, stop = false;

    if (fault_suffer(fault_for(fd, 'W'), &half, &stop))
        return -1;
    ssize_t n = syscall(SYS_pwrite64, fd, data, half && len > 1 ? len / 2 : len, offset);
    if (stop)
        raise(SIGSTOP);
    return n;
}

ssize_t pwritev(int fd, const struct iovec *pieces, int count, off_t offset)
{
    bool half = false, stop = false;
    ssize_t n;

    if (fault_suffer(fault_for(fd, 'W'), &half, &stop))
        return -1;
    if (half) /* of the first piece, and nothing of the others */
        n = syscall(SYS_pwrite64, fd, pieces->iov_base, (pieces->iov_len + 1) / 2, offset);
    else
        n = syscall(SYS_pwritev, fd, pieces, count, offset, 0);
    if (stop)
        raise(SIGSTOP);
    return n;
}

ssize_t pread(int fd, void *data, size_t len, off_t offset)
{
    bool half = false, stop = false;

    if (fault_suffer(fault_for(fd, 'R'), &half, &stop))
        return -1;
    /* So few that what is missing cannot be zeros only. */
    ssize_t n = syscall(SYS_pread64, fd, data, half && len > SHORT_READ ? SHORT_READ : len, offset);
    if (stop)
        raise(SIGSTOP);
    return n;
}

int fdatasync(int fd)
{
    bool half = false, stop = false;

    if (fault_suffer(fault_for(fd, 'F'), &half, &stop))
        return -1;
    int rc = (int)syscall(SYS_fdatasync, fd);
    if (stop)
        raise(SIGSTOP);
    return rc;
}
