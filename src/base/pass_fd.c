/* SPDX-License-Identifier: Apache-2.0 */
#include "base/pass_fd.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

union pass_fd_control {
    char bytes[CMSG_SPACE(PASS_FD_MAX * sizeof(int))];
    struct cmsghdr align;
};

int pass_fd_send(int socket, const void *record, size_t size, const int *fds, int count)
{
    struct iovec io = {.iov_base = (void *)record, .iov_len = size};
    struct msghdr message = {.msg_iov = &io, .msg_iovlen = 1};
    union pass_fd_control control = {0};
    ssize_t n;

    if (count > 0) {
        message.msg_control = control.bytes;
        /* POSIX has socklen_t for these lengths, and glibc size_t. */
        message.msg_controllen = (socklen_t)CMSG_SPACE((size_t)count * sizeof(int));
        struct cmsghdr *c = CMSG_FIRSTHDR(&message);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = (socklen_t)CMSG_LEN((size_t)count * sizeof(int));
        memcpy(CMSG_DATA(c), fds, (size_t)count * sizeof(int));
    }
    do
        n = sendmsg(socket, &message, MSG_NOSIGNAL);
    while (n < 0 && errno == EINTR);
    return n == (ssize_t)size ? 0 : -1;
}

static void pass_fd_take(struct msghdr *message, int *fds)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c)) {
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
            continue;
        size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        memcpy(fds, CMSG_DATA(c), (count < PASS_FD_MAX ? count : PASS_FD_MAX) * sizeof(int));
    }
}

int pass_fd_receive(int socket, void *record, size_t size, int *fds)
{
    struct iovec io = {.iov_base = record, .iov_len = size};
    union pass_fd_control control = {0};
    struct msghdr message = {.msg_iov = &io,
                             .msg_iovlen = 1,
                             .msg_control = control.bytes,
                             /* not CMSG_SPACE, whose padding has room for one more */
                             .msg_controllen = CMSG_LEN(PASS_FD_MAX * sizeof(int))};
    ssize_t n;

    for (int i = 0; i < PASS_FD_MAX; i++)
        fds[i] = -1;
    do
        n = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return -1;
    pass_fd_take(&message, fds);
    if (n == (ssize_t)size && !(message.msg_flags & MSG_TRUNC))
        return 1;
    for (int i = 0; i < PASS_FD_MAX; i++) {
        if (fds[i] >= 0)
            close(fds[i]); /* even those of an empty record, which looks like end of file */
        fds[i] = -1;
    }
    errno = EPROTO;
    return n ? -1 : 0;
}
