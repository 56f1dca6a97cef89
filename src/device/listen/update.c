/* SPDX-License-Identifier: Apache-2.0 */
#include "base/io.h"
#include "base/log.h"
#include "base/spawn.h"
#include "device/config/log_events.h"
#include "device/listen/audit.h"
#include "device/listen/listener.h"
#include "device/monitor/brief.h"
#include "device/receive/result_log.h"
#include "wire/subsystem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* How long the session may take to deliver the result to the client. */
#define UPDATE_FAREWELL_SECONDS 3

/* The pipes between a session and fwssh-receive, and the result socket. [0] is read, [1] is
 * written. */
struct update_pipes {
    int in[2], out[2], err[2], result[2];
};

static int update_make_pipes(struct update_pipes *p)
{
    *p = (struct update_pipes){{-1, -1}, {-1, -1}, {-1, -1}, {-1, -1}};
    if (io_pipe(p->in) || io_pipe(p->out) || io_pipe(p->err) ||
        socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, p->result))
        return -1;
    /* Fewer wake-ups. Optional: everything works without it. */
    (void)fcntl(p->in[1], F_SETPIPE_SZ, 1 << 20);
    return 0;
}

static void update_close_pipes(struct update_pipes *p)
{
    for (int i = 0; i < 2; i++) {
        io_close(&p->in[i]);
        io_close(&p->out[i]);
        io_close(&p->err[i]);
        io_close(&p->result[i]);
    }
}

/* fwssh-receive gets the listener's configuration, whatever has happened to the file since. */
static int update_config(const struct listener *l, struct error *err)
{
    struct buffer text = {0};

    device_config_print(&l->config, &text);
    int fd = brief_to_fd(&text, err);
    buffer_free(&text);
    return fd;
}

static pid_t update_start(const struct listener *l, const char *subsystem,
                          const struct update_pipes *p, struct error *err)
{
    const char *argv[] = {l->config.receive_program,
                          "--stderr",
                          "--result-fd",
                          "3",
                          "--config-fd",
                          "4",
                          "-s",
                          subsystem,
                          l->keys.volatile_key ? "--volatile-host-key" : NULL,
                          NULL};
    int config = update_config(l, err);
    pid_t pid = -1;

    if (config >= 0) {
        struct spawn s = {.program = l->config.receive_program,
                          .argv = (char *const *)argv,
                          .fds = {p->in[0], p->out[1], p->err[1], p->result[1], config},
                          .fd_count = 5,
                          .new_group = true};
        pid = spawn_start(&s, err);
    }
    io_close(&config);
    return pid;
}

/* status: 0, or that of a client which is told: of a request that failed it would not learn why. */
static void update_refuse(struct connection *c, enum exit_status status, const char *why)
{
    connection_say(c, status ? LOG_LEVEL_ERROR : LOG_LEVEL_WARNING, EVENT_SUBSYSTEM_REFUSED,
                   "subsystem refused: %s", why);
    record_send(c->control, RECORD_REFUSED, status, why, NULL);
}

static void update_log_start(const struct connection *c, const struct subsystem *subsystem)
{
    const struct log_field fields[] = {LOG_TEXT("address", c->peer.address),
                                       LOG_TEXT("key", c->who),
                                       LOG_TEXT("subsystem", subsystem->name), LOG_FIELDS_END};

    if (subsystem->kind == SUBSYSTEM_REQUEST)
        log_event(LOG_LEVEL_DEBUG, EVENT_REQUEST_STARTED, fields, "%s: request started",
                  c->peer.address);
    else
        log_event(LOG_LEVEL_INFO, EVENT_UPDATE_STARTED, fields, "%s: update started (subsystem %s)",
                  c->peer.address, subsystem->name);
}

void update_begin(struct listener *l, struct connection *c, const char *name)
{
    const struct subsystem *subsystem = subsystem_find(name);
    struct update_pipes p;
    struct error err;

    if (!subsystem || c->receive || l->stopping) {
        update_refuse(c, EXIT_DONE,
                      !subsystem   ? "unknown subsystem"
                      : c->receive ? "this connection already has an update"
                                   : "fwsshd is stopping");
        return;
    }
    pid_t pid = -1;
    if (update_make_pipes(&p))
        error_errno(&err, "cannot create pipes");
    else
        pid = update_start(l, subsystem->name, &p, &err);
    if (pid < 0) {
        update_refuse(c, EXIT_FAILED, err.text);
    } else {
        /* In ascending order, see relay_open() (relay.h). */
        int fds[RECORD_FDS] = {p.out[0], p.err[0], p.in[1]};
        update_log_start(c, subsystem);
        record_send(c->control, RECORD_ACCEPTED, 0, NULL, fds);
        c->receive = pid;
        c->update_started = io_now();
        c->result_fd = p.result[0];
        p.result[0] = -1;
    }
    update_close_pipes(&p);
}

void update_input_ended(const struct connection *c, bool lost)
{
    char word = lost ? RESULT_INPUT_LOST : RESULT_INPUT_ENDED;

    if (c->result_fd >= 0)
        (void)send(c->result_fd, &word, 1, MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* If fwssh-receive exited without reading our last byte, ECONNRESET is reported once before its
 * record. */
static int update_take_record(int fd, struct result *result, int *lock)
{
    int rc = result_receive(fd, result, lock);

    return rc < 0 && errno == ECONNRESET ? result_receive(fd, result, lock) : rc;
}

/* fwssh-receive sends its result as soon as it has one, and may send it again after its hook. */
static bool update_take_result(int fd, struct result *result, int *lock)
{
    bool told = false;
    int newer;

    io_set_nonblocking(fd);
    while (update_take_record(fd, result, &newer) > 0) {
        told = true;
        if (newer >= 0) {
            io_close(lock);
            *lock = newer;
        }
    }
    io_close(&newer);
    return told;
}

static void update_log_result(const struct listener *l, const struct connection *c,
                              const struct result *result)
{
    struct result_source from = {.address = c->peer.address,
                                 .key = c->who,
                                 .task = result_task(result, &l->config),
                                 .seconds = io_now() - c->update_started};

    result_log(result, &from);
}

/* A result that was sent counts, even if fwssh-receive was killed afterwards. Without one (not
 * told), words gets a message for the client, who has not been told anything. */
static void update_judge(const struct connection *c, int status, bool told, struct result *result,
                         char *words, size_t size)
{
    char how[80];

    if (WIFEXITED(status) && told)
        return;
    spawn_describe(status, how, sizeof how);
    log_event(LOG_LEVEL_ERROR, EVENT_RECEIVE_DIED, CONNECTION_FIELDS(c), "%s: fwssh-receive %s%s",
              c->peer.address, how, told ? "" : " without sending a result");
    if (told)
        return;
    *result = (struct result){.status = EXIT_FAILED, .told = 1};
    if (WIFEXITED(status) && WEXITSTATUS(status) && WEXITSTATUS(status) <= EXIT_WIRE_MAX)
        result->status = (uint32_t)WEXITSTATUS(status);
    snprintf(result->text, sizeof result->text,
             "fwssh-receive %s on the device; not rebooting. Check the log of the device, then "
             "push again",
             how);
    snprintf(words, size, "fwssh: %s\n", result->text);
}

void update_end(struct listener *l, struct connection *c, int status)
{
    struct result result = {.status = EXIT_FAILED, .told = 1};
    char words[600] = "";
    int lock = -1;

    c->receive = 0;
    bool told = update_take_result(c->result_fd, &result, &lock);
    if (told)
        update_log_result(l, c, &result);
    update_judge(c, status, told, &result, words, sizeof words);
    audit_update(l, c, &result);
    io_close(&c->result_fd);
    if (c->control >= 0) {
        record_send(c->control, RECORD_ENDED, result.status, words, NULL);
        c->farewell_until = io_now() + UPDATE_FAREWELL_SECONDS;
    }
    if (result.reboot)
        listener_want_reboot(l, c, lock);
    else
        io_close(&lock);
}
