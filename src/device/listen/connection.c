/* SPDX-License-Identifier: Apache-2.0 */
#include "base/io.h"
#include "base/log.h"
#include "base/spawn.h"
#include "device/config/log_events.h"
#include "device/listen/admission.h"
#include "device/listen/audit.h"
#include "device/listen/key_command.h"
#include "device/listen/listener.h"
#include "device/listen/session_tool.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

/*
 * The session itself disconnects the client after login-grace-time. This is for one that does not.
 */
#define CONNECTION_GRACE_EXTRA 3

/* Messages of one connection that are logged: so many at once, then one each second. */
#define CONNECTION_WORDS_MAX 40
/* A session with so many more has lost its mind, or has been taken over. */
#define CONNECTION_UNSAID_MAX 1000

static bool connection_may_speak(struct connection *c, double now)
{
    double words = c->said_at > 0 ? c->words + now - c->said_at : CONNECTION_WORDS_MAX;

    c->words = words < CONNECTION_WORDS_MAX ? words : CONNECTION_WORDS_MAX;
    c->said_at = now;
    if (c->words < 1) {
        c->unsaid++;
        return false;
    }
    c->words--;
    return true;
}

void connection_say(struct connection *c, enum log_level level, const char *event, const char *fmt,
                    ...)
{
    char text[1100];
    va_list ap;

    if (!connection_may_speak(c, io_now()))
        return;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    log_event(c->penalized && !c->authenticated ? LOG_LEVEL_DEBUG : level, event,
              CONNECTION_FIELDS(c), "%s: %s", c->peer.address, text);
}

void connection_account(struct listener *l, const struct connection *c)
{
    if (c->penalized && !c->authenticated)
        penalty_hush(&l->penalties, c->peer.source);
    else
        audit_connection(l, c);
}

static void connection_kill(struct connection *c, const char *why)
{
    connection_say(c, LOG_LEVEL_WARNING, EVENT_DISCONNECTED, "disconnected: %s", why);
    kill(-c->session, SIGKILL);
}

/* The session tells the client why; one that does not leave by itself is killed. */
static void connection_turn_out(struct connection *c, const char *why, const char *words)
{
    log_event(LOG_LEVEL_WARNING, EVENT_DISCONNECTED, CONNECTION_FIELDS(c), "%s: disconnected: %s",
              c->peer.address, why);
    c->turned_out = io_now();
    if (record_send(c->control, RECORD_LEAVE, 0, words, NULL))
        kill(-c->session, SIGKILL);
}

static void connection_authenticated(struct listener *l, struct connection *c, const char *who)
{
    int count = 0;

    c->authenticated = true;
    session_tool_raise(c->session);
    penalty_forgive(&l->penalties, c->peer.source);
    snprintf(c->who, sizeof c->who, "%.*s", (int)sizeof c->who - 1, who);
    log_event(LOG_LEVEL_INFO, EVENT_LOGIN, CONNECTION_FIELDS(c), "%s: logged in with %s",
              c->peer.address, c->who);
    for (const struct connection *other = l->connections; other; other = other->next)
        count += other->authenticated && other->session;
    if (count > l->config.max_sessions)
        connection_turn_out(c, "too many sessions (max-sessions)",
                            "Too many sessions on this device; try again later");
}

static void connection_record(struct listener *l, struct connection *c, const struct record *r)
{
    switch (r->type) {
    case RECORD_LOG:
        connection_say(c, r->value <= LOG_LEVEL_DEBUG ? (enum log_level)r->value : LOG_LEVEL_DEBUG,
                       EVENT_SESSION, "session: %s", r->text);
        break;
    case RECORD_DENIED:
        c->has_offered = true;
        connection_say(c, LOG_LEVEL_WARNING, EVENT_LOGIN_REFUSED, "login refused: %s", r->text);
        break;
    case RECORD_ASK_KEYS:
        c->has_offered = true;
        if (*l->config.keys_command && !c->authenticated)
            key_command_ask(l, c, r->text);
        break;
    case RECORD_AUTHENTICATED:
        if (!c->authenticated)
            connection_authenticated(l, c, r->text);
        break;
    case RECORD_SUBSYSTEM:
        if (c->turned_out > 0)
            break; /* it has been told to leave */
        if (c->authenticated)
            update_begin(l, c, r->text);
        else
            connection_kill(c, "protocol violation by the session");
        break;
    case RECORD_INPUT_ENDED:
        update_input_ended(c, false);
        break;
    case RECORD_LOST:
        update_input_ended(c, true);
        connection_say(c, LOG_LEVEL_WARNING, EVENT_CONNECTION_LOST, "connection lost: %s", r->text);
        break;
    case RECORD_CLOSED:
        c->farewell_until = 0;
        listener_channel_closed(l, c);
        break;
    default:
        connection_kill(c, "protocol violation by the session");
    }
}

static void connection_flooded(struct connection *c)
{
    log_event(LOG_LEVEL_WARNING, EVENT_DISCONNECTED, CONNECTION_FIELDS(c),
              "%s: disconnected: too many messages from its session", c->peer.address);
    kill(-c->session, SIGKILL);
    c->unsaid++;
}

void connection_read(struct listener *l, struct connection *c)
{
    int fds[RECORD_FDS];
    struct record r;
    int rc = record_receive(c->control, &r, fds);

    for (int i = 0; i < RECORD_FDS; i++)
        io_close(&fds[i]);
    if (rc > 0) {
        connection_record(l, c, &r);
        if (c->unsaid == CONNECTION_UNSAID_MAX && c->session)
            connection_flooded(c);
    } else if (rc == 0 || errno != EAGAIN) {
        io_close(&c->control);
        update_input_ended(c, true);
        listener_channel_closed(l, c);
    }
}

/* Handles the records that the session sent before it exited. */
static void connection_drain(struct listener *l, struct connection *c)
{
    while (c->control >= 0) {
        int fds[RECORD_FDS];
        struct record r;
        int rc = record_receive(c->control, &r, fds);
        for (int i = 0; i < RECORD_FDS; i++)
            io_close(&fds[i]);
        if (rc <= 0)
            break;
        connection_record(l, c, &r);
    }
    if (c->control >= 0)
        update_input_ended(c, true);
    io_close(&c->control);
}

static void connection_session_ended(struct listener *l, struct connection *c, int status)
{
    char how[80];

    connection_drain(l, c);
    c->session = 0;
    if (WIFSIGNALED(status) && WTERMSIG(status) != SIGKILL) {
        spawn_describe(status, how, sizeof how);
        connection_say(c, LOG_LEVEL_ERROR, EVENT_SESSION_DIED, "the session %s", how);
    }
    log_event(LOG_LEVEL_DEBUG, EVENT_DISCONNECTED, CONNECTION_FIELDS(c), "%s: disconnected",
              c->peer.address);
    if (c->unsaid)
        log_warning("%s: %u more messages of this connection were not logged", c->peer.address,
                    c->unsaid);
    if (!c->authenticated)
        admission_penalize(l, c);
    connection_account(l, c);
    listener_channel_closed(l, c);
}

bool connection_reap(struct listener *l, pid_t pid, int status)
{
    for (struct connection *c = l->connections; c; c = c->next) {
        if (c->session == pid) {
            connection_session_ended(l, c, status);
            return true;
        }
        if (c->key_command == pid) {
            key_command_end(c, status);
            return true;
        }
        if (c->receive == pid) {
            update_end(l, c, status);
            return true;
        }
    }
    return false;
}

void connection_check_time(struct listener *l, double now)
{
    for (struct connection *c = l->connections; c; c = c->next) {
        key_command_check(c, now);
        if (!c->authenticated && c->session &&
            now - c->started > l->config.login_grace_time + CONNECTION_GRACE_EXTRA)
            connection_kill(c, "no login within login-grace-time");
        if (c->turned_out > 0 && c->session && now - c->turned_out > CONNECTION_GRACE_EXTRA)
            kill(-c->session, SIGKILL);
    }
}

static bool connection_is_needed(const struct connection *c)
{
    return c->receive || (c->session && c->control >= 0 && io_now() < c->farewell_until);
}

void connection_kill_sessions(struct listener *l)
{
    for (struct connection *c = l->connections; c; c = c->next) {
        io_close(&c->held);
        if (c->key_command)
            kill(-c->key_command, SIGKILL);
        if (c->session && !connection_is_needed(c))
            kill(-c->session, SIGKILL);
    }
}

bool connection_updates_run(const struct listener *l)
{
    for (const struct connection *c = l->connections; c; c = c->next)
        if (connection_is_needed(c))
            return true;
    return false;
}

void connection_free_ended(struct listener *l)
{
    for (struct connection **at = &l->connections; *at;) {
        struct connection *c = *at;
        if (c->held >= 0 || c->session || c->key_command || c->receive) {
            at = &c->next;
            continue;
        }
        *at = c->next;
        if (l->reboot_after == c)
            l->reboot_after = NULL;
        io_close(&c->control);
        io_close(&c->result_fd);
        free(c);
    }
}
