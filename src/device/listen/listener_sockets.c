/* SPDX-License-Identifier: Apache-2.0 */
#include "base/io.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/number.h"
#include "device/config/log_events.h"
#include "device/listen/listener.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define LISTEN_BACKLOG 1024
#define LISTENER_RETRY_SECONDS 2
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
    log_event(LOG_LEVEL_INFO, EVENT_LISTENING, NULL,
              "listening on %zu socket%s passed by the service manager", l->socket_count,
              l->socket_count == 1 ? "" : "s");
    return true;
}

/* The number of the interface that follows the address; 0 if it is not there. */
static unsigned listener_zone(const char *name)
{
    uint64_t number;

    if (!number_parse_decimal(name, strlen(name), &number) && number <= UINT32_MAX)
        return (unsigned)number;
    return if_nametoindex(name);
}

/* The length, or 0 with errno set if the address names an interface that is not there. */
static socklen_t listener_address(const char *text, int port, struct sockaddr_storage *address)
{
    struct sockaddr_in *four = (struct sockaddr_in *)address;
    struct sockaddr_in6 *six = (struct sockaddr_in6 *)address;
    size_t len = strcspn(text, "%");
    char plain[INET6_ADDRSTRLEN];

    memset(address, 0, sizeof *address);
    if (inet_pton(AF_INET, text, &four->sin_addr) == 1) {
        four->sin_family = AF_INET;
        four->sin_port = htons((uint16_t)port);
        return sizeof *four;
    }
    snprintf(plain, sizeof plain, "%.*s", (int)len, text);
    inet_pton(AF_INET6, plain, &six->sin6_addr);
    six->sin6_family = AF_INET6;
    if (text[len] && !(six->sin6_scope_id = listener_zone(text + len + 1)))
        return 0;
    six->sin6_port = htons((uint16_t)port);
    return sizeof *six;
}

static int listener_open_socket(struct listener *l, const char *text)
{
    struct sockaddr_storage address;
    socklen_t len = listener_address(text, l->awaited_port, &address);
    int on = 1;

    if (!len)
        return -1;
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

/* An address that DHCP has not given yet or that IPv6 is still checking, an interface that is not
 * there, a module that is not loaded: all that may come. */
static bool listener_may_come(int error)
{
    return error == EADDRNOTAVAIL || error == EAFNOSUPPORT || error == ENODEV || error == ENXIO;
}

static void listener_await(struct listener *l, const char *address)
{
    log_warning("cannot listen on %s yet: %s; trying again every %d seconds", address,
                strerror(errno), LISTENER_RETRY_SECONDS);
    l->awaited[l->awaited_count++] = memory_text(address);
}

static void listener_tell_listening(const struct listener *l, const char *address)
{
    const struct log_field fields[] = {LOG_TEXT("address", address),
                                       LOG_NUMBER("port", l->awaited_port), LOG_FIELDS_END};

    log_event(LOG_LEVEL_INFO, EVENT_LISTENING, fields, "listening on %s port %d", address,
              l->awaited_port);
}

int listener_open_sockets(struct listener *l, struct error *err)
{
    const struct text_list *addresses = &l->config.listen_address;

    if (listener_take_sockets(l))
        return 0;
    l->awaited_port = l->config.port;
    l->awaited_next = io_now() + LISTENER_RETRY_SECONDS;
    for (size_t i = 0; i < addresses->count && i < LISTENER_SOCKETS_MAX; i++) {
        const char *address = addresses->item[i];
        if (!listener_open_socket(l, address))
            listener_tell_listening(l, address);
        else if (listener_may_come(errno))
            listener_await(l, address);
        else
            return error_errno(err, "cannot listen on %s port %d", address, l->awaited_port);
    }
    if (!l->socket_count && !l->awaited_count)
        return error_set(err, EXIT_FAILED, "no address to listen on (key listen-address)");
    return 0;
}

/* Whatever fails now is no reason to give up the other addresses. */
void listener_retry_sockets(struct listener *l, double now)
{
    size_t left = 0;

    if (!l->awaited_count || now < l->awaited_next || l->stopping)
        return;
    l->awaited_next = now + LISTENER_RETRY_SECONDS;
    for (size_t i = 0; i < l->awaited_count; i++) {
        if (listener_open_socket(l, l->awaited[i])) {
            l->awaited[left++] = l->awaited[i];
        } else {
            listener_tell_listening(l, l->awaited[i]);
            free(l->awaited[i]);
        }
    }
    l->awaited_count = left;
}

void listener_close_sockets(struct listener *l)
{
    for (size_t i = 0; i < l->socket_count; i++)
        io_close(&l->sockets[i]);
    l->socket_count = 0;
    for (size_t i = 0; i < l->awaited_count; i++)
        free(l->awaited[i]);
    l->awaited_count = 0;
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
