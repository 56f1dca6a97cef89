#include "base/io.h"
#include "base/log.h"
#include "base/number.h"
#include "device/listen/listener.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define LISTEN_BACKLOG 1024
/* SD_LISTEN_FDS_START, sd_listen_fds(3). */
#define LISTEN_FD_FIRST 3

/* Socket activation, sd_listen_fds(3): LISTEN_PID must be this process. */
static bool listener_take_sockets(struct listener *l)
{
    const char *pid = getenv("LISTEN_PID"), *fds = getenv("LISTEN_FDS");
    uint64_t count, wanted;

    if (!pid || !fds || number_parse_decimal(pid, strlen(pid), &wanted) ||
        number_parse_decimal(fds, strlen(fds), &count) || wanted != (uint64_t)getpid() || !count)
        return false;
    for (uint64_t i = 0; i < count && l->socket_count < LISTENER_SOCKETS_MAX; i++) {
        int fd = LISTEN_FD_FIRST + (int)i;
        fcntl(fd, F_SETFD, FD_CLOEXEC);
        io_set_nonblocking(fd);
        l->sockets[l->socket_count++] = fd;
    }
    unsetenv("LISTEN_PID");
    unsetenv("LISTEN_FDS");
    log_info("listening on %zu socket%s passed by the service manager", l->socket_count,
             l->socket_count == 1 ? "" : "s");
    return true;
}

static socklen_t listener_address(const char *text, int port, struct sockaddr_storage *address)
{
    struct sockaddr_in *four = (struct sockaddr_in *)address;
    struct sockaddr_in6 *six = (struct sockaddr_in6 *)address;

    memset(address, 0, sizeof *address);
    if (inet_pton(AF_INET, text, &four->sin_addr) == 1) {
        four->sin_family = AF_INET;
        four->sin_port = htons((uint16_t)port);
        return sizeof *four;
    }
    inet_pton(AF_INET6, text, &six->sin6_addr);
    six->sin6_family = AF_INET6;
    six->sin6_port = htons((uint16_t)port);
    return sizeof *six;
}

static int listener_open_socket(struct listener *l, const char *text)
{
    struct sockaddr_storage address;
    socklen_t len = listener_address(text, l->config.port, &address);
    int on = 1;

    int fd = socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (address.ss_family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
    if (bind(fd, (struct sockaddr *)&address, len) || listen(fd, LISTEN_BACKLOG)) {
        int saved = errno;
        close(fd);
        errno = saved;
        return -1;
    }
    l->sockets[l->socket_count++] = fd;
    return 0;
}

int listener_open_sockets(struct listener *l, struct error *err)
{
    const struct text_list *addresses = &l->config.listen_address;

    if (listener_take_sockets(l))
        return 0;
    for (size_t i = 0; i < addresses->count && l->socket_count < LISTENER_SOCKETS_MAX; i++) {
        if (!listener_open_socket(l, addresses->item[i]))
            log_info("listening on %s port %d", addresses->item[i], l->config.port);
        else if (errno == EAFNOSUPPORT || errno == EADDRNOTAVAIL)
            log_warning("cannot listen on %s: %s", addresses->item[i], strerror(errno));
        else
            return error_errno(err, "cannot listen on %s port %d", addresses->item[i],
                               l->config.port);
    }
    if (!l->socket_count)
        return error_set(err, EXIT_FAILED, "no address to listen on (key listen-address)");
    return 0;
}

/* sd_notify(3): one datagram to the socket that NOTIFY_SOCKET names. */
void listener_tell_ready(void)
{
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    if (!path || strlen(path) >= sizeof address.sun_path || (*path != '/' && *path != '@'))
        return;
    memcpy(address.sun_path, path, strlen(path));
    if (*path == '@')
        address.sun_path[0] = '\0';
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    socklen_t len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path));
    if (fd < 0 || sendto(fd, "READY=1", 7, MSG_NOSIGNAL, (struct sockaddr *)&address, len) < 0)
        log_warning("cannot notify the service manager: %s", strerror(errno));
    io_close(&fd);
    unsetenv("NOTIFY_SOCKET");
}
