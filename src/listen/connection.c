#include "base/io.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/spawn.h"
#include "listen/audit.h"
#include "listen/listener.h"
#include "listen/session_tool.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* The session itself ends at login-grace-time, with a word to the client; this is for one that does
 * not. */
#define CONNECTION_GRACE_EXTRA 3

static void connection_name(struct connection *c, const struct sockaddr_storage *address)
{
    const struct sockaddr_in *four = (const struct sockaddr_in *)address;
    const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)address;
    char *host = c->source;
    bool is_six = address->ss_family == AF_INET6;

    if (is_six)
        inet_ntop(AF_INET6, &six->sin6_addr, host, sizeof c->source);
    else
        inet_ntop(AF_INET, &four->sin_addr, host, sizeof c->source);
    snprintf(c->address, sizeof c->address, "%s%s%s:%u", is_six ? "[" : "", host, is_six ? "]" : "",
             ntohs(is_six ? six->sin6_port : four->sin_port));
}

static void connection_kill(struct connection *c, const char *why)
{
    log_warning("%s: ended: %s", c->address, why);
    kill(-c->session, SIGKILL);
}

static bool connection_waits(const struct connection *c)
{
    return !c->authenticated && c->session && c->control >= 0;
}

/* How many of one source wait to log in. */
static int connection_crowd(const struct listener *l, const char *source)
{
    int count = 0;

    for (const struct connection *c = l->connections; c; c = c->next)
        count += connection_waits(c) && !strcmp(c->source, source);
    return count;
}

/* When too many wait to log in, the busiest source loses the one that has waited longest; a
 * newcomer is not turned away. */
static void connection_make_room(struct listener *l)
{
    struct connection *victim = NULL;
    int waiting = 0, most = 0;

    for (const struct connection *c = l->connections; c; c = c->next)
        waiting += connection_waits(c);
    if (waiting < l->config.max_unauthenticated)
        return;
    for (struct connection *c = l->connections; c; c = c->next) {
        if (!connection_waits(c))
            continue;
        int crowd = connection_crowd(l, c->source);
        if (crowd < most || (crowd == most && victim && c->started >= victim->started))
            continue;
        most = crowd;
        victim = c;
    }
    if (!victim)
        return;
    connection_kill(victim, "too many connections wait to log in (max-unauthenticated)");
    io_close(&victim->control);
}

void connection_accept(struct listener *l, int socket)
{
    struct sockaddr_storage address = {0};
    socklen_t len = sizeof address;
    struct error err;

    int fd = accept4(socket, (struct sockaddr *)&address, &len, SOCK_CLOEXEC);
    if (fd < 0)
        return;
    connection_make_room(l);
    struct connection *c = memory_new(1, sizeof *c);
    *c = (struct connection){.control = -1, .result_fd = -1, .started = io_now()};
    connection_name(c, &address);
    pid_t pid = session_tool_start(&l->config, &l->keys, fd, &c->control, &err);
    close(fd);
    if (pid < 0) {
        log_error("%s: %s", c->address, err.text);
        free(c);
        return;
    }
    log_debug("%s: connected", c->address);
    c->session = pid;
    c->next = l->connections;
    l->connections = c;
}

static void connection_authenticated(struct listener *l, struct connection *c, const char *who)
{
    int count = 0;

    c->authenticated = true;
    snprintf(c->who, sizeof c->who, "%.*s", (int)sizeof c->who - 1, who);
    log_info("%s: logged in with %s", c->address, c->who);
    for (const struct connection *other = l->connections; other; other = other->next)
        count += other->authenticated && other->session;
    if (count > l->config.max_sessions)
        connection_kill(c, "too many sessions (max-sessions)");
}

static void connection_record(struct listener *l, struct connection *c, const struct record *r)
{
    switch (r->type) {
    case RECORD_LOG:
        log_at(r->value <= LOG_LEVEL_DEBUG ? (enum log_level)r->value : LOG_LEVEL_DEBUG, "%s: %s",
               c->address, r->text);
        break;
    case RECORD_DENIED:
        log_warning("%s: login refused: %s", c->address, r->text);
        break;
    case RECORD_AUTHENTICATED:
        if (!c->authenticated)
            connection_authenticated(l, c, r->text);
        break;
    case RECORD_SUBSYSTEM:
        if (c->authenticated)
            update_begin(l, c, r->text);
        else
            connection_kill(c, "the session broke the rules");
        break;
    case RECORD_INPUT_ENDED:
        update_input_ended(c, false);
        break;
    case RECORD_LOST:
        update_input_ended(c, true);
        log_warning("%s: connection lost: %s", c->address, r->text);
        break;
    case RECORD_CLOSED:
        c->farewell_until = 0;
        listener_channel_closed(l, c);
        break;
    default:
        connection_kill(c, "the session broke the rules");
    }
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
    } else if (rc == 0 || errno != EAGAIN) {
        io_close(&c->control);
        update_input_ended(c, true);
        listener_channel_closed(l, c);
    }
}

/* What the session still had to say when it ended. */
static void connection_drain(struct listener *l, struct connection *c)
{
    while (c->control >= 0) {
        int fds[RECORD_FDS];
        struct record r;
        if (record_receive(c->control, &r, fds) <= 0)
            break;
        connection_record(l, c, &r);
    }
    if (c->control >= 0)
        update_input_ended(c, true);
    io_close(&c->control);
}

bool connection_reap(struct listener *l, pid_t pid, int status)
{
    char how[80];

    for (struct connection *c = l->connections; c; c = c->next) {
        if (c->session == pid) {
            connection_drain(l, c);
            c->session = 0;
            if (WIFSIGNALED(status) && WTERMSIG(status) != SIGKILL) {
                spawn_describe(status, how, sizeof how);
                log_error("%s: the session %s", c->address, how);
            }
            log_debug("%s: disconnected", c->address);
            audit_connection(l, c);
            listener_channel_closed(l, c);
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
    for (struct connection *c = l->connections; c; c = c->next)
        if (!c->authenticated && c->session &&
            now - c->started > l->config.login_grace_time + CONNECTION_GRACE_EXTRA)
            connection_kill(c, "nobody logged in within login-grace-time");
}

static bool connection_is_needed(const struct connection *c)
{
    return c->receive || (c->session && c->control >= 0 && io_now() < c->farewell_until);
}

void connection_kill_sessions(struct listener *l)
{
    for (struct connection *c = l->connections; c; c = c->next)
        if (c->session && !connection_is_needed(c))
            kill(-c->session, SIGKILL);
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
        if (c->session || c->receive) {
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
