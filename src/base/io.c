/* SPDX-License-Identifier: Apache-2.0 */
#include "base/io.h"

#include "base/memory.h"
#include "base/number.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int io_write_all(int fd, const void *data, size_t len)
{
    const char *p = data;

    while (len) {
        ssize_t n = write(fd, p, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        p += n;
        len -= (size_t)n;
    }
    return 0;
}

ssize_t io_read_full(int fd, void *data, size_t len)
{
    size_t got = 0;

    while (got < len) {
        ssize_t n = read(fd, (char *)data + got, len - got);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        if (n == 0)
            break;
        got += (size_t)n;
    }
    return (ssize_t)got;
}

int io_pwrite_all(int fd, const void *data, size_t len, uint64_t offset)
{
    const char *p = data;

    while (len) {
        ssize_t n = pwrite(fd, p, len, (off_t)offset);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        if (n == 0) {
            errno = ENOSPC;
            return -1;
        }
        p += n;
        offset += (uint64_t)n;
        len -= (size_t)n;
    }
    return 0;
}

int io_pread_zero(int fd, void *data, size_t len, uint64_t offset)
{
    size_t got = 0;

    while (got < len) {
        ssize_t n = pread(fd, (char *)data + got, len - got, (off_t)(offset + got));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        if (n == 0)
            break;
        got += (size_t)n;
    }
    memset((char *)data + got, 0, len - got);
    return 0;
}

int io_read_fd(int fd, const char *name, size_t max, struct buffer *out, struct error *err)
{
    char piece[4096];
    size_t start = out->len;

    for (;;) {
        ssize_t n = read(fd, piece, sizeof piece);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return error_errno(err, "cannot read %s", name);
        if (n == 0)
            return 0;
        if (out->len - start + (size_t)n > max)
            return error_set(err, EXIT_FAILED, "%s is longer than %zu bytes", name, max);
        buffer_add(out, piece, (size_t)n);
    }
}

int io_read_file(const char *path, size_t max, struct buffer *out, struct error *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return error_errno(err, "cannot open %s", path);
    int rc = io_read_fd(fd, path, max, out, err);
    close(fd);
    return rc;
}

int io_read_regular_file(const char *path, size_t max, struct buffer *out, struct error *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY), rc;
    struct stat st;

    if (fd < 0 || fstat(fd, &st))
        rc = error_errno(err, "cannot open %s", path);
    else if (!S_ISREG(st.st_mode))
        rc = error_set(err, EXIT_FAILED, "%s is not a regular file", path);
    else
        rc = io_read_fd(fd, path, max, out, err);
    io_close(&fd);
    return rc;
}

/* Returns 0, or -1 with errno set. Some file systems cannot flush a directory (EINVAL), and have
 * nothing better to offer. */
static int io_flush_directory(const char *path)
{
    const char *slash = strrchr(path, '/');
    char *directory = slash ? memory_printf("%.*s/", (int)(slash - path), path) : memory_text(".");
    int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int rc = fd < 0 || (fsync(fd) && errno != EINVAL) ? -1 : 0;
    int saved = errno;

    io_close(&fd);
    free(directory);
    errno = saved;
    return rc;
}

int io_flush_directory_of(const char *path, struct error *err)
{
    return io_flush_directory(path) ? error_errno(err, "cannot flush the directory of %s", path)
                                    : 0;
}

int io_remove_file(const char *path, struct error *err)
{
    struct stat st;

    if (unlink(path) && errno != ENOENT && errno != ENOTDIR) {
        int saved = errno;
        /* A read-only file system says so even if there is nothing to remove. */
        if (lstat(path, &st) && errno == ENOENT)
            return 0;
        errno = saved;
        return error_errno(err, "cannot remove %s", path);
    }
    /* Even if there was nothing to remove: an earlier attempt may have ended between the two. */
    if (!io_flush_directory(path) || errno == ENOENT || errno == ENOTDIR)
        return 0;
    return error_errno(err, "cannot flush the directory of %s", path);
}

/* The number in the name of one of our descriptors; -1 if it is none. */
static int io_descriptor_in(const char *path)
{
    static const char *const starts[] = {"/dev/fd/", "/proc/self/fd/"};
    uint64_t number;

    if (!strcmp(path, "/dev/stdout") || !strcmp(path, "/dev/stderr"))
        return strcmp(path, "/dev/stdout") ? STDERR_FILENO : STDOUT_FILENO;
    for (size_t i = 0; i < sizeof starts / sizeof *starts; i++) {
        size_t len = strlen(starts[i]);
        if (!strncmp(path, starts[i], len) &&
            !number_parse_decimal(path + len, strlen(path + len), &number) && number <= INT_MAX)
            return (int)number;
    }
    return -1;
}

int io_open_through(const char *path, int flags)
{
    int number = io_descriptor_in(path);
    struct stat st;

    if (number >= 0) /* not opened anew: it may be at the end of a file */
        return fcntl(number, F_DUPFD_CLOEXEC, 0);
    if (stat(path, &st) || S_ISREG(st.st_mode) || S_ISDIR(st.st_mode))
        return IO_ORDINARY;
    return open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY | flags);
}

/* fd: of io_open_through(), with O_NONBLOCK for the open only: a FIFO that nobody reads is an
 * error. */
static int io_write_through(int fd, const char *path, const void *data, size_t len,
                            struct error *err)
{
    int rc = fd >= 0 && !fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK) &&
                     !io_write_all(fd, data, len)
                 ? 0
                 : error_errno(err, "cannot write to %s", path);

    io_close(&fd);
    return rc;
}

int io_write_file(const char *path, const void *data, size_t len, mode_t mode, struct error *err)
{
    int through = io_open_through(path, O_NONBLOCK);

    if (through != IO_ORDINARY)
        return io_write_through(through, path, data, len, err);
    char *temporary = memory_printf("%s.XXXXXX", path);
    int rc = -1;

    int fd = mkostemp(temporary, O_CLOEXEC);
    if (fd < 0) {
        error_errno(err, "cannot create %s", temporary);
        goto cleanup;
    }
    if (fchmod(fd, mode) || io_write_all(fd, data, len) || fsync(fd)) {
        error_errno(err, "cannot write %s", temporary);
        unlink(temporary);
        goto cleanup;
    }
    if (rename(temporary, path)) {
        error_errno(err, "cannot rename %s to %s", temporary, path);
        unlink(temporary);
        goto cleanup;
    }
    rc = io_flush_directory_of(path, err);
cleanup:
    io_close(&fd);
    free(temporary);
    return rc;
}

char *io_resolve(const char *path)
{
    char *resolved = realpath(path, NULL);

    if (resolved)
        return resolved;
    const char *slash = strrchr(path, '/');
    char *directory =
        slash ? memory_printf("%.*s", (int)(slash - path) + 1, path) : memory_text(".");
    char *in = realpath(directory, NULL);
    resolved = memory_printf("%s/%s", in ? in : directory, slash ? slash + 1 : path);
    free(in);
    free(directory);
    return resolved;
}

int io_end_output(const char *name, int status)
{
    errno = 0;
    if (!fflush(stdout) && !ferror(stdout))
        return status;
    fprintf(stderr, "%s: cannot write standard output%s%s\n", name, errno ? ": " : "",
            errno ? strerror(errno) : "");
    return status ? status : EXIT_FAILED;
}

bool io_is_open(int fd)
{
    return fcntl(fd, F_GETFD) >= 0 || errno != EBADF;
}

void io_open_standard(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
        if (io_is_open(fd))
            continue;
        /* The lowest one that is free. Without /dev, the root directory will do. */
        if (open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) != fd &&
            open("/", O_RDONLY | O_DIRECTORY) != fd)
            abort();
    }
}

int io_pipe(int ends[2])
{
    return pipe2(ends, O_CLOEXEC);
}

void io_set_nonblocking(int fd)
{
    int flags = fcntl(fd, F_GETFL);

    if (flags >= 0)
        fcntl(fd, F_SETFL, flags | O_NONBLOCK);
}

uint64_t io_pending(int fd)
{
    int count = 0;

    return ioctl(fd, FIONREAD, &count) || count < 0 ? 0 : (uint64_t)count;
}

void io_close(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

/* Before Linux 5.9 one by one, up to the limit of what can be open. */
void io_close_range(int first, int last)
{
    if (first > last || !syscall(SYS_close_range, (unsigned)first, (unsigned)last, 0))
        return;
    long limit = sysconf(_SC_OPEN_MAX);
    for (int fd = first; fd <= last && (limit < 0 || fd < limit); fd++)
        close(fd);
}

double io_now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}
