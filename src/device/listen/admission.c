/* SPDX-License-Identifier: Apache-2.0 */
#include "device/listen/admission.h"

#include "base/io.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/network.h"
#include "device/config/log_events.h"
#include "device/listen/audit.h"
#include "device/listen/farewell.h"
#include "device/listen/session_tool.h"

#include <errno.h>
#include <poll.h>
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
/* Held connections of a source with a penalty, which are served one after another. */
#define ADMISSION_PENALIZED_MAX 8
/* So long, in seconds, one has its place; then it goes to a newcomer if all are taken. */
#define ADMISSION_PENALIZED_PLACE 1
/* How long one of them may take to log in while others wait. */
#define ADMISSION_PENALIZED_SECONDS 5
/* Those that have been turned away, and how long they may take to go. */
#define ADMISSION_LEAVING_MAX 16
#define ADMISSION_LEAVING_SECONDS 2
/* More than all waiting and held connections together. */
#define ADMISSION_MANY 4096

static bool admission_waits(const struct connection *c)
{
    return !c->authenticated && c->session && c->control >= 0;
}

static bool admission_is_held(const struct connection *c)
{
    return c->held >= 0 && !(c->leaves > 0);
}

static bool admission_leaves(const struct connection *c)
{
    return c->held >= 0 && c->leaves > 0;
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

static bool admission_is_exempt(const struct listener *l, const struct peer *peer)
{
    struct network n;

    for (size_t i = 0; i < l->config.penalty_exempt.count; i++)
        if (!network_parse(l->config.penalty_exempt.item[i], &n) && network_has(&n, peer->host))
            return true;
    return false;
}

static void admission_end(struct listener *l, struct connection *victim, const char *why)
{
    /* It may have come before the penalty of its source, with hundreds of others. */
    if (!victim->session && !admission_is_exempt(l, &victim->peer))
        victim->penalized =
            victim->penalized || penalty_left(&l->penalties, victim->peer.source, io_now()) > 0;
    connection_say(victim, LOG_LEVEL_INFO, EVENT_DISCONNECTED, "disconnected: %s", why);
    if (victim->session) {
        kill(-victim->session, SIGKILL);
        io_close(&victim->control);
    } else {
        io_close(&victim->held);
        connection_account(l, victim);
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
    c->served = io_now();
    if (c->penalized)
        penalty_serve(&l->penalties, c->peer.source, c->served);
    l->next_turn = io_now() + ADMISSION_TURN_MS / 1000.0;
}

/* Whether the client has sent something: those who mean to log in begin with that. */
static bool admission_speaks(const struct connection *c)
{
    return io_pending(c->held) > 0;
}

/* Of two held connections of a source with a penalty: those that speak are served first, and of
 * them the last one to come, so that what hangs there keeps nobody out. */
static bool admission_is_before(const struct connection *a, const struct connection *b)
{
    bool speaks = admission_speaks(a);

    return speaks == admission_speaks(b) ? a->started > b->started : speaks;
}

static bool admission_is_next(const struct listener *l, const struct connection *c)
{
    for (const struct connection *other = l->connections; other; other = other->next)
        if (other != c && admission_is_held(other) && other->penalized &&
            !strcmp(other->peer.source, c->peer.source) && admission_is_before(other, c))
            return false;
    return true;
}

/* The one whose place a newcomer may have; the newcomer itself if there is none. */
static struct connection *admission_last(const struct listener *l, struct connection *newcomer)
{
    struct connection *last = newcomer;

    for (struct connection *c = l->connections; c; c = c->next)
        if (admission_is_held(c) && c->penalized &&
            !strcmp(c->peer.source, newcomer->peer.source) &&
            newcomer->started - c->started >= ADMISSION_PENALIZED_PLACE &&
            (last == newcomer || admission_is_before(last, c)))
            last = c;
    return last;
}

/* Whether it is this held connection's turn. A source with a penalty is served one by one. */
static bool admission_is_due(const struct listener *l, const struct connection *c, double now)
{
    return !c->penalized || (!admission_crowd(l, c->peer.source) && admission_is_next(l, c) &&
                             penalty_may_serve(&l->penalties, c->peer.source, now));
}

/* Whether the client of a held connection has gone. */
static bool admission_has_left(const struct connection *c)
{
    struct pollfd p = {.fd = c->held, .events = POLLRDHUP};

    return poll(&p, 1, 0) > 0 && p.revents;
}

/* Held connections of a source with a penalty whose client has gone need no session. */
static int admission_drop_left(struct listener *l, const char *source)
{
    int held = 0;

    for (struct connection *c = l->connections; c; c = c->next) {
        if (!admission_is_held(c) || !c->penalized || (source && strcmp(c->peer.source, source)))
            continue;
        if (admission_has_left(c))
            admission_end(l, c, "the client has left");
        else
            held++;
    }
    return held;
}

/* One that does not log in makes room for the others of its source. */
static void admission_hurry(struct listener *l, double now)
{
    for (struct connection *c = l->connections; c; c = c->next) {
        if (!admission_is_held(c) || !c->penalized)
            continue;
        struct connection *other = admission_oldest(l, admission_waits, c->peer.source);
        if (other && other->penalized && now - other->served > ADMISSION_PENALIZED_SECONDS)
            admission_end(l, other, "others of its source wait (max-penalty)");
    }
}

static void admission_turn_away(struct listener *l, struct connection *c)
{
    double now = io_now(), left = penalty_left(&l->penalties, c->peer.source, now);
    char text[120];

    snprintf(text, sizeof text,
             "Too many failed logins from your address; try again later, in %.0f s at most", left);
    connection_say(c, LOG_LEVEL_INFO, EVENT_DISCONNECTED,
                   "turned away: too many connections of a source with failed logins "
                   "(max-penalty)");
    connection_account(l, c);
    farewell_send(c->held, text);
    if (admission_count(l, admission_leaves) < ADMISSION_LEAVING_MAX)
        c->leaves = now + ADMISSION_LEAVING_SECONDS;
    else
        io_close(&c->held);
}

/* A client would not see the farewell if its socket were closed while it still sends. */
static void admission_see_off(struct listener *l, double now)
{
    char rest[1024];

    for (struct connection *c = l->connections; c; c = c->next) {
        if (!admission_leaves(c))
            continue;
        ssize_t got = recv(c->held, rest, sizeof rest, MSG_DONTWAIT);
        if (!got || (got < 0 && errno != EAGAIN) || now > c->leaves)
            io_close(&c->held);
    }
}

void admission_step(struct listener *l, double now)
{
    struct connection *first = NULL;

    admission_see_off(l, now);
    if (now < l->next_turn || !admission_count(l, admission_is_held))
        return;
    if (admission_drop_left(l, NULL))
        admission_hurry(l, now);
    for (struct connection *c = l->connections; c; c = c->next)
        if (admission_is_held(c) && (!first || c->started < first->started) &&
            admission_is_due(l, c, now))
            first = c;
    if (first)
        admission_start(l, first);
}

int admission_patience(const struct listener *l)
{
    return admission_count(l, admission_is_held) || admission_count(l, admission_leaves)
               ? ADMISSION_TURN_MS
               : -1;
}

/* A connection of a source with a penalty. */
static void admission_accept_penalized(struct listener *l, struct connection *c)
{
    int held = admission_drop_left(l, c->peer.source);

    if (!admission_is_held(c))
        return;
    if (held > ADMISSION_PENALIZED_MAX)
        admission_turn_away(l, admission_last(l, c));
    else if (held == 1 && admission_is_due(l, c, c->started))
        admission_start(l, c);
}

/* The oldest of those that wait makes room. If it is a flood of one source, that costs the source;
 * who only waits beside it has done nothing. */
static void admission_overflow(struct listener *l, const struct connection *newest)
{
    struct connection *oldest = admission_oldest(l, admission_is_held, NULL);

    if (!strcmp(oldest->peer.source, newest->peer.source))
        admission_penalize(l, oldest);
    admission_end(l, oldest, "too many connections at once");
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
    log_event(LOG_LEVEL_DEBUG, EVENT_CONNECTED, CONNECTION_FIELDS(c), "%s: connected",
              c->peer.address);
    c->penalized = !admission_is_exempt(l, &c->peer) &&
                   penalty_left(&l->penalties, c->peer.source, c->started) > 0;
    if (c->penalized)
        admission_accept_penalized(l, c);
    else if (admission_neighbours(l, c) < ADMISSION_AT_ONCE)
        admission_start(l, c);
    if (admission_count(l, admission_is_held) > ADMISSION_HELD_MAX)
        admission_overflow(l, c);
}

void admission_penalize(struct listener *l, const struct connection *c)
{
    double now = io_now(), before = penalty_left(&l->penalties, c->peer.source, now);

    if (admission_is_exempt(l, &c->peer))
        return;
    penalty_failed(&l->penalties, c->peer.source,
                   c->has_offered ? PENALTY_COST_KEY : PENALTY_COST_NONE, l->config.max_penalty,
                   now);
    double left = penalty_left(&l->penalties, c->peer.source, now);
    if (left > 0 && before <= 0)
        log_event(LOG_LEVEL_WARNING, EVENT_PENALTY, CONNECTION_FIELDS(c),
                  "%s: source turned away for %.0f s, except for one login at a time, after "
                  "repeated connections without a login (max-penalty)",
                  c->peer.address, left);
}

static void admission_tell(void *data, const char *source, unsigned count)
{
    const struct log_field fields[] = {LOG_TEXT("address", source), LOG_NUMBER("count", count),
                                       LOG_FIELDS_END};

    log_event(LOG_LEVEL_WARNING, EVENT_STRANGERS, fields,
              "%s: %u connections without a login since it was turned away or last mentioned "
              "(max-penalty)",
              source, count);
    audit_source(data, source, count);
}

void admission_report(struct listener *l, double now)
{
    penalty_report(&l->penalties, now, admission_tell, l);
}
