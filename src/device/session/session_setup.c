/* SPDX-License-Identifier: Apache-2.0 */
#include "device/session/session.h"

#include "base/io.h"
#include "device/monitor/brief.h"
#include "device/session/sandbox.h"
#include "wire/software.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <libssh/server.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* How long a client may take to close its side of a connection that has ended. */
#define SESSION_SEE_OFF_SECONDS 1
/* So much has to arrive until poll(2) calls the socket readable. */
#define SESSION_UNHEARD_BYTES 65536
#define SESSION_MAKE_WAY_ROUNDS 4

/* Without certificates and SHA-1 signatures. Security keys, whose signatures libssh accepts without
 * a touch, are refused by session_auth.c: libssh would leave the client without an answer. */
static const char accepted_key_types[] =
    "ssh-ed25519,ecdsa-sha2-nistp256,ecdsa-sha2-nistp384,ecdsa-sha2-nistp521,"
    "rsa-sha2-512,rsa-sha2-256,sk-ssh-ed25519@openssh.com,sk-ecdsa-sha2-nistp256@openssh.com";

static int session_option(ssh_bind bind, enum ssh_bind_options_e option, const void *value,
                          const char *what, struct error *err)
{
    if (ssh_bind_options_set(bind, option, value) < 0)
        return error_set(err, EXIT_USAGE, "libssh does not support these %s: %s (%s)", what,
                         (const char *)value, ssh_get_error(bind));
    return 0;
}

static int session_algorithms(struct session *s, struct error *err)
{
    const struct session_brief *b = &s->brief;
    bool no = false;

    /* libssh must not read the system's sshd_config. */
    ssh_bind_options_set(s->bind, SSH_BIND_OPTIONS_PROCESS_CONFIG, &no);
    ssh_bind_options_set(s->bind, SSH_BIND_OPTIONS_BANNER, SOFTWARE_VERSION);
    if (session_option(s->bind, SSH_BIND_OPTIONS_CIPHERS_C_S, b->ciphers, "ciphers", err) ||
        session_option(s->bind, SSH_BIND_OPTIONS_CIPHERS_S_C, b->ciphers, "ciphers", err) ||
        session_option(s->bind, SSH_BIND_OPTIONS_HMAC_C_S, b->macs, "macs", err) ||
        session_option(s->bind, SSH_BIND_OPTIONS_HMAC_S_C, b->macs, "macs", err) ||
        session_option(s->bind, SSH_BIND_OPTIONS_KEY_EXCHANGE, b->kex, "kex", err))
        return -1;
    return session_option(s->bind, SSH_BIND_OPTIONS_PUBKEY_ACCEPTED_KEY_TYPES, accepted_key_types,
                          "key types", err);
}

static int session_bind(struct session *s, struct error *err)
{
    s->bind = ssh_bind_new();
    if (!s->bind)
        return error_set(err, EXIT_FAILED, "cannot start libssh");
    if (session_algorithms(s, err))
        return -1;
    for (size_t i = 0; i < s->brief.host_key_count; i++) {
        if (ssh_bind_options_set(s->bind, SSH_BIND_OPTIONS_IMPORT_KEY, s->brief.host_key[i]) < 0)
            return error_set(err, EXIT_FAILED, "libssh rejected a host key: %s",
                             ssh_get_error(s->bind));
        s->brief.host_key[i] = NULL; /* libssh owns it now */
    }
    return 0;
}

static int session_accept(struct session *s, struct error *err)
{
    long grace = s->brief.grace_seconds;
    int rsa_min = 1024;

    s->ssh = ssh_new();
    if (!s->ssh)
        return error_set(err, EXIT_FAILED, "cannot start libssh");
    ssh_options_set(s->ssh, SSH_OPTIONS_TIMEOUT, &grace);
    ssh_options_set(s->ssh, SSH_OPTIONS_COMPRESSION_C_S, "none");
    ssh_options_set(s->ssh, SSH_OPTIONS_COMPRESSION_S_C, "none");
    ssh_options_set(s->ssh, SSH_OPTIONS_RSA_MIN_SIZE, &rsa_min);
    if (ssh_bind_accept_fd(s->bind, s->ssh, s->socket) != SSH_OK)
        return error_set(err, EXIT_FAILED, "cannot set up the SSH session: %s",
                         ssh_get_error(s->bind));
    session_auth_watch(s);
    if (ssh_handle_key_exchange(s->ssh) != SSH_OK) {
        if (io_now() - s->started >= s->brief.grace_seconds)
            return error_set(err, EXIT_FAILED, "no key exchange within login-grace-time");
        const char *why = ssh_get_error(s->ssh);
        return error_set(err, EXIT_FAILED, "key exchange failed: %s%s", why,
                         strstr(why, "no match") ? " (for older clients see the key compatible)"
                                                 : "");
    }
    ssh_set_blocking(s->ssh, 0);
    s->event = ssh_event_new();
    if (!s->event || ssh_event_add_session(s->event, s->ssh) != SSH_OK)
        return error_set(err, EXIT_FAILED, "cannot wait for the connection");
    return 0;
}

/* An IPv4 client on an IPv6 socket gets its IPv4 address. */
static void session_name_peer(struct session *s)
{
    struct sockaddr_storage address = {0};
    socklen_t len = sizeof address;
    const struct sockaddr_in *four = (const struct sockaddr_in *)&address;
    const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)&address;

    if (getpeername(s->socket, (struct sockaddr *)&address, &len))
        return;
    if (address.ss_family == AF_INET)
        inet_ntop(AF_INET, &four->sin_addr, s->peer, sizeof s->peer);
    else if (address.ss_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&six->sin6_addr))
        inet_ntop(AF_INET, six->sin6_addr.s6_addr + 12, s->peer, sizeof s->peer);
    else if (address.ss_family == AF_INET6)
        inet_ntop(AF_INET6, &six->sin6_addr, s->peer, sizeof s->peer);
}

/* All keys have been read and parsed; from now on the open descriptors are all that is needed. */
static int session_sandbox(struct session *s, struct error *err)
{
    struct buffer missing = {0};

    close(BRIEF_FD_BRIEF);
    int rc = sandbox_enter(s->brief.uid, &missing, err);
    if (!rc && missing.len)
        log_debug("session sandbox is missing: %s", buffer_text(&missing));
    buffer_free(&missing);
    return rc;
}

int session_setup(struct session *s, struct error *err)
{
    s->started = s->quiet_since = io_now();
    s->socket_copy = -1;
    if (session_brief_read(&s->brief, BRIEF_FD_BRIEF, false, err))
        return -1;
    log_set_level(s->brief.log_level);
    if (session_bind(s, err))
        return -1;
    if (s->socket < 0)
        return 0;
    session_name_peer(s);
    s->socket_copy = fcntl(s->socket, F_DUPFD_CLOEXEC, 0);
    return session_sandbox(s, err) || session_accept(s, err) ? -1 : 0;
}

/* What the client has sent in the meantime would make the kernel reset the connection, and the
 * client would not see the reason for its end. */
static void session_see_off(struct session *s)
{
    double end = io_now() + SESSION_SEE_OFF_SECONDS;
    int one = 1;
    char rest[4096];

    (void)setsockopt(s->socket_copy, SOL_SOCKET, SO_RCVLOWAT, &one, sizeof one);
    (void)shutdown(s->socket_copy, SHUT_WR);
    for (double left; s->socket_copy >= 0 && (left = end - io_now()) > 0;) {
        struct pollfd p = {.fd = s->socket_copy, .events = POLLIN};
        if (poll(&p, 1, (int)(left * 1000) + 1) <= 0 ||
            read(s->socket_copy, rest, sizeof rest) <= 0)
            break;
    }
    io_close(&s->socket_copy);
}

/* libssh drops the message of a disconnection unless its last poll(2) has found the socket writable
 * with nothing to write; and no request of the client must be answered in between. */
static void session_make_way(struct session *s)
{
    int many = SESSION_UNHEARD_BYTES;

    (void)setsockopt(s->socket_copy, SOL_SOCKET, SO_RCVLOWAT, &many, sizeof many);
    for (int i = 0; i < SESSION_MAKE_WAY_ROUNDS; i++)
        if (ssh_event_dopoll(s->event, 0) == SSH_ERROR)
            return;
}

void session_teardown(struct session *s)
{
    if (s->event && *s->goodbye)
        session_make_way(s);
    if (s->event) {
        ssh_event_remove_session(s->event, s->ssh);
        ssh_event_free(s->event);
    }
    if (s->ssh) {
        if (*s->goodbye)
            ssh_session_set_disconnect_message(s->ssh, s->goodbye);
        ssh_disconnect(s->ssh);
        session_see_off(s);
        ssh_free(s->ssh);
    }
    if (s->bind)
        ssh_bind_free(s->bind);
    authorized_keys_free(&s->asked);
    session_brief_free(&s->brief);
}
