/* SPDX-License-Identifier: Apache-2.0 */
#include "device/session/session.h"

#include "base/io.h"
#include "base/log.h"
#include "base/memory.h"
#include "device/monitor/brief.h"
#include "device/monitor/record.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

/* How often time limits are checked when nothing happens. */
#define SESSION_TICK_MS 1000
#define SESSION_PUMP_ROUNDS 256
/* Longer than any answer takes. */
#define SESSION_ANSWER_SECONDS 2
/* CPU time that one round may take: more than any key exchange needs. */
#define SESSION_ROUND_SECONDS 10

static void session_log(enum log_level level, const char *line)
{
    record_send(BRIEF_FD_LISTENER, RECORD_LOG, (uint32_t)level, line, NULL);
}

/* Ends a session that is stuck. libssh 0.10 never returns from sending to a client whose maximum
 * packet size is 10 bytes, and none of our time limits would be checked again. */
static volatile sig_atomic_t session_rounds;

static void session_watchdog(int sig)
{
    static sig_atomic_t last;

    (void)sig;
    if (session_rounds && session_rounds == last)
        _exit(EXIT_FAILED);
    last = session_rounds;
}

/* Called before sandbox_enter(), which forbids setting timers. */
static void session_watch_itself(void)
{
    struct sigaction action = {.sa_handler = session_watchdog, .sa_flags = SA_RESTART};
    struct itimerval timer = {{SESSION_ROUND_SECONDS, 0}, {SESSION_ROUND_SECONDS, 0}};

    sigaction(SIGPROF, &action, NULL);
    setitimer(ITIMER_PROF, &timer, NULL);
}

/* A peer that vanishes without closing the connection is noticed within idle-timeout. */
static void session_watch_peer(const struct session *s)
{
    int on = 1, idle = s->brief.idle_seconds / 4 + 1, interval = idle / 3 + 1, probes = 3;
    unsigned limit = (unsigned)s->brief.idle_seconds * 1000;

    setsockopt(s->socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    setsockopt(s->socket, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    setsockopt(s->socket, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof idle);
    setsockopt(s->socket, IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof interval);
    setsockopt(s->socket, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof probes);
    setsockopt(s->socket, IPPROTO_TCP, TCP_USER_TIMEOUT, &limit, sizeof limit);
}

static bool session_has_tried_enough(const struct session *s)
{
    return s->tries >= SESSION_TRIES_MAX && !s->authenticated;
}

/* libssh reads from the socket in other calls, too, and what it finds there may be the end: of it
 * the socket shows nothing any more. */
static bool session_is_broken(const struct session *s)
{
    return ssh_get_status(s->ssh) & (SSH_CLOSED | SSH_CLOSED_ERROR);
}

/* Processes everything that the socket holds. ssh_event_dopoll() may return SSH_OK, SSH_AGAIN or a
 * positive count, and does not fail when the session breaks: only ssh_get_status() shows that. */
static bool session_pump(struct session *s)
{
    for (int i = 0; i < SESSION_PUMP_ROUNDS; i++) {
        int rc = ssh_event_dopoll(s->event, 0);
        if (rc == SSH_ERROR || session_is_broken(s))
            return false;
        if (rc == SSH_AGAIN || session_has_tried_enough(s))
            break;
    }
    return true;
}

/*
 * While an updater works, perhaps for minutes, there is no other traffic, and a NAT or firewall
 * must not drop the connection. Whether the client answers does not matter: while it has to send
 * data, idle-timeout applies.
 */
static void session_keep_alive(struct session *s, double now)
{
    if (!s->channel.running || now - s->kept_alive < s->brief.idle_seconds / 4.0)
        return;
    s->kept_alive = now;
    (void)ssh_send_keepalive(s->ssh);
}

/* libssh gives no answer to a signature of a type that is not in accepted_key_types: "Public key
 * from client (TYPE) doesn't match server preference (LIST)". */
static bool session_has_refused(const struct session *s)
{
    return !s->authenticated && ssh_get_error_code(s->ssh) == SSH_FATAL &&
           strstr(ssh_get_error(s->ssh), "doesn't match server preference");
}

static void session_watch_packets(struct session *s, double now)
{
    if (s->packets.in_packets != s->seen_in)
        s->heard = now;
    s->seen_in = s->packets.in_packets;
}

/* libssh gives no answer either to a key of a type that it does not know, or a wrong signature.
 * From the request for the service on, which has been counted when it is passed on, a client gets a
 * packet for each of its own until it has logged in. */
static bool session_lacks_an_answer(const struct session *s, double now)
{
    return !s->authenticated && s->asked_service && now - s->heard > SESSION_ANSWER_SECONDS &&
           s->packets.in_packets - s->before.in_packets + 1 >
               s->packets.out_packets - s->before.out_packets;
}

/* Why the session has to end, or NULL. */
static const char *session_time_is_up(const struct session *s, double now)
{
    if (session_has_tried_enough(s))
        return "too many keys tried";
    if (!s->authenticated && now - s->started > s->brief.grace_seconds)
        return "no login within login-grace-time";
    bool asks = s->channel.running || s->channel.ended;
    if (session_has_refused(s))
        return "signature not accepted (RSA with SHA-1?); use an Ed25519 key, or a newer client";
    if (session_lacks_an_answer(s, now))
        return "the last key or signature is not understood; use an Ed25519 key, and offer only "
               "that one (IdentitiesOnly)";
    if (s->authenticated && !asks && now - s->quiet_since > s->brief.idle_seconds)
        return "no request from the client within idle-timeout";
    return NULL;
}

/* One round of the event loop; false when the connection is over. */
static bool session_round(struct session *s)
{
    struct pollfd p[2 + RELAY_POLLS];
    bool pending = ssh_get_status(s->ssh) & SSH_WRITE_PENDING;
    struct session_channel *c = &s->channel;

    p[0] = (struct pollfd){.fd = s->socket, .events = (short)(POLLIN | (pending ? POLLOUT : 0))};
    p[1] = (struct pollfd){.fd = s->listener, .events = POLLIN};
    for (int i = 0; i < RELAY_POLLS; i++)
        p[2 + i] = (struct pollfd){.fd = -1};
    if (c->running) {
        relay_prepare(&c->relay, p + 2);
        relay_window_before(&c->relay, io_now());
    }
    if (poll(p, 2 + RELAY_POLLS, SESSION_TICK_MS) < 0 && errno != EINTR)
        return false;
    if (c->running)
        relay_window_after(&c->relay, c->ch, p[0].revents & POLLIN, io_now());
    if (p[0].revents && !session_pump(s))
        return false;
    if (c->running)
        relay_flush(&c->relay, c->ch);
    /* What was there may have been read while the socket was served: by who asked for an update. */
    if (p[1].revents && poll(p + 1, 1, 0) > 0)
        session_channel_listener_said(s);
    if (c->running)
        relay_handle(&c->relay, s->ssh, c->ch, p + 2);
    session_channel_step(s, io_now());
    return !s->hung_up && !session_is_broken(s);
}

/* OpenSSH's words: people and programs know them. */
static const char session_too_many[] = "Too many authentication failures";

static void session_serve(struct session *s)
{
    const char *why = NULL;

    session_watch_peer(s);
    /* What arrived together with the last packet of the key exchange has already been read. */
    bool alive = session_pump(s);
    while (alive && !why) {
        session_rounds = session_rounds % 1000000 + 1;
        alive = session_round(s);
        session_keep_alive(s, io_now());
        session_watch_packets(s, io_now());
        why = session_time_is_up(s, io_now());
    }
    if (why)
        log_info("disconnected: %s", why);
    if (why && !*s->goodbye)
        snprintf(s->goodbye, sizeof s->goodbye, "%s",
                 session_has_tried_enough(s) ? session_too_many : why);
    session_channel_lose(s, why ? why : "TCP connection closed");
}

int session_run(void)
{
    struct session *s = memory_new(1, sizeof *s);
    struct error err;
    int status = EXIT_DONE;

    log_redirect(session_log);
    log_open("fwssh-session", LOG_LEVEL_INFO, false);
    session_watch_itself();
    s->socket = BRIEF_FD_SOCKET;
    s->listener = BRIEF_FD_LISTENER;
    if (session_setup(s, &err)) {
        log_info("%s", err.text);
        status = EXIT_FAILED;
    } else {
        session_serve(s);
    }
    session_teardown(s);
    free(s);
    return status;
}
