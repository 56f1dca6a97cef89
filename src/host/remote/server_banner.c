#include "host/remote/server_banner.h"

#include "base/io.h"

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BANNER_SECONDS 5.0

/* Waits for an event on the socket. */
static bool banner_wait(int fd, short events, double end)
{
    struct pollfd p = {.fd = fd, .events = events};
    double left = end - io_now();

    return left > 0 && poll(&p, 1, (int)(left * 1000) + 1) > 0;
}

static int banner_connect(const struct addrinfo *a, double end)
{
    int fd = socket(a->ai_family, a->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, a->ai_protocol);
    int failed = 0;
    socklen_t len = sizeof failed;

    if (fd < 0)
        return -1;
    if (!connect(fd, a->ai_addr, a->ai_addrlen))
        return fd;
    if (errno != EINPROGRESS || !banner_wait(fd, POLLOUT, end) ||
        getsockopt(fd, SOL_SOCKET, SO_ERROR, &failed, &len) || failed)
        io_close(&fd);
    return fd;
}

static int banner_reach(const struct ssh_target *target, double end)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *all;
    char port[16];
    int fd = -1;

    snprintf(port, sizeof port, "%d", target->port);
    if (getaddrinfo(target->hostname, port, &hints, &all))
        return -1;
    for (const struct addrinfo *a = all; a && fd < 0; a = a->ai_next)
        fd = banner_connect(a, end);
    freeaddrinfo(all);
    return fd;
}

/* The first line; there may be others before it, but no server that we know sends them. */
static bool banner_read_line(int fd, char *banner, double end)
{
    size_t len = 0;

    while (len < SOFTWARE_BANNER_MAX && banner_wait(fd, POLLIN, end)) {
        ssize_t n = read(fd, banner + len, 1);
        if (n <= 0)
            return false;
        if (banner[len] == '\n') {
            banner[len] = '\0';
            return true;
        }
        len++;
    }
    return false;
}

bool server_banner_read(const struct ssh_target *target, char banner[SOFTWARE_BANNER_MAX + 1])
{
    double end = io_now() + BANNER_SECONDS;
    int fd = target->has_proxy || target->control_path ? -1 : banner_reach(target, end);

    if (fd < 0)
        return false;
    bool found = banner_read_line(fd, banner, end);
    io_close(&fd);
    return found;
}
