/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records as the listener receives them, from a session that was taken over or from fwssh-receive:
 * of any size, with any number of descriptors. The first byte of the input selects the kind and
 * that number; the next two are added to and subtracted from the proper size of the record; the
 * rest is its contents.
 */
#include "fuzz.h"

#include "base/io.h"
#include "device/monitor/record.h"
#include "device/receive/result.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define FDS_MAX 7

static void fuzz_send(int socket, const void *bytes, size_t size, int fd, int count)
{
    union {
        char bytes[CMSG_SPACE(FDS_MAX * sizeof(int))];
        struct cmsghdr align;
    } control = {0};
    struct iovec io = {.iov_base = (void *)bytes, .iov_len = size};
    struct msghdr message = {.msg_iov = &io, .msg_iovlen = 1};

    if (count) {
        message.msg_control = control.bytes;
        message.msg_controllen = CMSG_SPACE((size_t)count * sizeof(int));
        struct cmsghdr *c = CMSG_FIRSTHDR(&message);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN((size_t)count * sizeof(int));
        for (int i = 0; i < count; i++)
            memcpy(CMSG_DATA(c) + (size_t)i * sizeof(int), &fd, sizeof fd);
    }
    if (sendmsg(socket, &message, 0) < 0)
        abort();
}

static void fuzz_text_ends(const char *text, size_t size)
{
    if (strnlen(text, size) == size)
        __builtin_trap();
}

static int fuzz_record(int socket)
{
    int fds[RECORD_FDS];
    struct record r;
    int rc = record_receive(socket, &r, fds);

    for (int i = 0; i < RECORD_FDS; i++) {
        if (rc <= 0 && fds[i] >= 0)
            __builtin_trap(); /* the caller would close it twice */
        io_close(&fds[i]);
    }
    if (rc > 0)
        fuzz_text_ends(r.text, sizeof r.text);
    return rc;
}

static int fuzz_result(int socket)
{
    struct result r = {0};
    char text[700];
    int lock;
    int rc = result_receive(socket, &r, &lock);

    if (rc <= 0 && lock >= 0)
        __builtin_trap();
    io_close(&lock);
    /* After a failure, r is reported as it is. */
    fuzz_text_ends(r.uuid, sizeof r.uuid);
    fuzz_text_ends(r.text, sizeof r.text);
    fuzz_text_ends(r.note, sizeof r.note);
    result_describe(&r, text, sizeof text);
    fuzz_text_ends(text, sizeof text);
    result_note(&r, "%s", text);
    fuzz_text_ends(r.note, sizeof r.note);
    return rc;
}

/* Every descriptor received must have been closed: the pipe has no writer left. */
static void fuzz_nothing_leaks(int end)
{
    struct pollfd p = {.fd = end, .events = POLLIN};

    if (poll(&p, 1, 0) != 1 || !(p.revents & POLLHUP))
        __builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int pair[2], pipes[2];

    if (size < 3)
        return 0;
    bool is_record = data[0] & 8;
    size_t right = is_record ? sizeof(struct record) : sizeof(struct result);
    size_t len = right + data[1] - data[2];
    char *bytes = calloc(1, len + 1);
    memcpy(bytes, data + 3, size - 3 < len ? size - 3 : len);
    if (data[0] & 16)
        len = 0;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) || pipe(pipes))
        abort();
    fuzz_send(pair[0], bytes, len, pipes[1], data[0] & 7);
    close(pipes[1]);
    int rc = is_record ? fuzz_record(pair[1]) : fuzz_result(pair[1]);
    if (rc != (len == right ? 1 : len ? -1 : 0))
        __builtin_trap();
    fuzz_nothing_leaks(pipes[0]);
    close(pipes[0]);
    close(pair[0]);
    close(pair[1]);
    free(bytes);
    return 0;
}
