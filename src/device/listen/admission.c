#include "device/listen/admission.h"

#include "base/io.h"
#include "base/log.h"
#include "base/memory.h"
#include "device/listen/audit.h"
#include "device/listen/session_tool.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* This many connections from a neighbourhood get a session at once; the others take turns. */
#define ADMISSION_AT_ONCE 3
#define ADMISSION_TURN_MS 50
/* Held connections. */
#define ADMISSION_HELD_MAX 64
/* More than all waiting and held connections together. */
#define ADMISSION_MANY 4096

static bool admission_waits(const struct connection *c)
{
    return !c->authenticated && c->session && c->control >= 0;
}

static bool admission_is_held(const struct connection *c)
{
    return c->held >= 0;
}

static int admission_count(const struct listener *l, bool (*which)(const struct connection *))
{
    int count = 0;

    for (const struct connection *c = l->connections; c; c = c->next)
        count += which(c);
    return count;
}

/* Connections from one source that wait to log in. */
static int admission_crowd(const struct listener *l, const char *source)
{
    int count = 0;

    for (const struct connection *c = l->connections; c; c = c->next)
        count += admission_waits(c) && !strcmp(c->peer.source, source);
    return count;
}

static int admission_neighbours(const struct listener *l, const struct connection *of)
{
    int count = 0;

    for (const struct connection *c = l->connections; c; c = c->next)
        count += c != of && (admission_waits(c) || admission_is_held(c)) &&
                 !strcmp(c->peer.block, of->peer.block);
    return count;
}

/* Neighbours weigh more: a flood from all addresses of a network counts as one source. */
static int admission_pressure(const struct listener *l, const struct connection *of)
{
    return admission_neighbours(l, of) * ADMISSION_MANY + admission_crowd(l, of->peer.source);
}

/* The oldest waiting (or held) connection from source; NULL: from the busiest source. */
static struct connection *admission_oldest(const struct listener *l,
                                           bool (*which)(const struct connection *),
                                           const char *source)
{
    struct connection *victim = NULL;
    int most = -1;

    for (struct connection *c = l->connections; c; c = c->next) {
        if (!which(c) || (source && strcmp(c->peer.source, source)))
            continue;
        int pressure = admission_pressure(l, c);
        if (pressure < most || (pressure == most && victim && c->started >= victim->started))
            continue;
        most = pressure;
        victim = c;
    }
    return victim;
}

static void admission_end(struct listener *l, struct connection *victim, const char *why)
{
    log_info("%s: disconnected: %s", victim->peer.address, why);
    if (victim->session) {
        kill(-victim->session, SIGKILL);
        io_close(&victim->control);
    } else {
        io_close(&victim->held);
        audit_connection(l, victim);
    }
}

static void admission_make_room(struct listener *l, const struct connection *c)
{
    if (admission_crowd(l, c->peer.source) >= l->config.max_per_source)
        admission_end(l, admission_oldest(l, admission_waits, c->peer.source),
                      "too many unauthenticated connections from its source "
                      "(max-unauthenticated-per-source)");
    if (admission_count(l, admission_waits) >= l->config.max_unauthenticated)
        admission_end(l, admission_oldest(l, admission_waits, NULL),
                      "too many unauthenticated connections (max-unauthenticated)");
}

static void admission_start(struct listener *l, struct connection *c)
{
    struct error err;

    admission_make_room(l, c);
    pid_t pid = session_tool_start(&l->config, &l->keys, &l->keys_told, c->held, &c->control, &err);
    io_close(&c->held);
    if (pid < 0)
        log_error("%s: %s", c->peer.address, err.text);
    else
        c->session = pid;
    l->next_turn = io_now() + ADMISSION_TURN_MS / 1000.0;
}

void admission_step(struct listener *l, double now)
{
    struct connection *first = NULL;

    if (now < l->next_turn)
        return;
    for (struct connection *c = l->connections; c; c = c->next)
        if (admission_is_held(c) && (!first || c->started < first->started))
            first = c;
    if (first)
        admission_start(l, first);
}

int admission_patience(const struct listener *l)
{
    return admission_count(l, admission_is_held) ? ADMISSION_TURN_MS : -1;
}

/* RFC 4253, section 4.2 allows lines before the version; ssh -v shows them. */
static bool admission_turn_away(struct listener *l, struct connection *c)
{
    double left = penalty_left(&l->penalties, c->peer.source, c->started);
    char line[100];

    if (left <= 0)
        return false;
    int len = snprintf(line, sizeof line,
                       "Too many failed logins from your address, wait %.0f s\r\n", left + 0.5);
    (void)send(c->held, line, (size_t)len, MSG_NOSIGNAL | MSG_DONTWAIT);
    admission_end(l, c, "source turned away (max-penalty)");
    return true;
}

void admission_accept(struct listener *l, int socket)
{
    struct sockaddr_storage address = {0};
    socklen_t len = sizeof address;

    int fd = accept4(socket, (struct sockaddr *)&address, &len, SOCK_CLOEXEC);
    if (fd < 0)
        return;
    struct connection *c = memory_new(1, sizeof *c);
    *c = (struct connection){.control = -1,
                             .result_fd = -1,
                             .key_answer = -1,
                             .held = fd,
                             .started = io_now(),
                             .next = l->connections};
    peer_name(&c->peer, &address);
    l->connections = c;
    log_debug("%s: connected", c->peer.address);
    if (admission_turn_away(l, c))
        return;
    if (admission_neighbours(l, c) < ADMISSION_AT_ONCE)
        admission_start(l, c);
    else if (admission_count(l, admission_is_held) > ADMISSION_HELD_MAX)
        admission_end(l, admission_oldest(l, admission_is_held, NULL),
                      "too many connections at once");
}

void admission_penalize(struct listener *l, const struct connection *c)
{
    double now = io_now();

    penalty_failed(&l->penalties, c->peer.source, l->config.max_penalty, now);
    double left = penalty_left(&l->penalties, c->peer.source, now);
    if (left > 0)
        log_warning("%s: source turned away for %.0f s after repeated connections without a login "
                    "(max-penalty)",
                    c->peer.address, left);
}
