/* SPDX-License-Identifier: Apache-2.0 */
#include "device/listen/listener.h"

#include "base/io.h"
#include "base/log.h"
#include "base/memory.h"
#include "device/config/last_good.h"
#include "device/config/log_events.h"
#include "device/listen/admission.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#define LISTENER_TICK_MS 1000
#define LISTENER_SOON_MS 50

static int listener_load_file(struct listener *l, const char *path, enum listener_load how,
                              struct buffer *report, struct error *err)
{
    enum device_config_rigour rigour =
        how == LISTENER_TEST ? DEVICE_CONFIG_STRICT : DEVICE_CONFIG_LENIENT;
    struct device_config config;
    struct host_keys keys;

    if (device_config_load(&config, path, &l->overrides, rigour, err))
        return -1;
    if (how == LISTENER_START)
        log_set_json(config.log_json);
    if (how == LISTENER_RELOAD)
        host_keys_restore(&l->keys, &config);
    if (host_keys_find(&keys, &config, how == LISTENER_TEST ? 0 : HOST_KEYS_KEEP, &l->keys_told,
                       report, err)) {
        device_config_free(&config);
        return -1;
    }
    if (config.log_to_syslog)
        l->keys_told = 0; /* the check wrote to standard error only */
    device_config_free(&l->config);
    l->config = config;
    /* A key that exists only in memory stays the same for the lifetime of this process. */
    if (keys.volatile_key && l->keys.count) {
        host_keys_free(&keys);
        return 0;
    }
    host_keys_free(&l->keys);
    l->keys = keys;
    return 0;
}

static int listener_load_last_good(struct listener *l, struct buffer *report,
                                   const struct error *why)
{
    struct error ignored;
    int rc = -1;

    for (int i = 0; rc && i < LAST_GOOD_FILES; i++) {
        char *good = last_good_find(l->config_path, &l->overrides, i);
        rc = good ? listener_load_file(l, good, LISTENER_START, report, &ignored) : -1;
        if (!rc)
            log_event(LOG_LEVEL_ERROR, EVENT_LAST_GOOD, NULL,
                      "%s; using the last good configuration, %s", why->text, good);
        free(good);
    }
    l->last_good = !rc;
    return rc;
}

int listener_load(struct listener *l, enum listener_load how, struct buffer *report,
                  struct error *err)
{
    int rc = how == LISTENER_TEST ? 0 : last_good_check(l->config_path, &l->overrides, err);

    if (!rc)
        rc = listener_load_file(l, l->config_path, how, report, err);
    if (rc)
        return how == LISTENER_START ? listener_load_last_good(l, report, err) : -1;
    l->last_good = false;
    if (how == LISTENER_RELOAD)
        last_good_keep(&l->config, l->config_path);
    return 0;
}

static void listener_reload(struct listener *l)
{
    struct buffer report = {0};
    struct error err;

    if (listener_load(l, LISTENER_RELOAD, &report, &err)) {
        log_event(LOG_LEVEL_ERROR, EVENT_RELOAD_FAILED, NULL,
                  "%s; keeping the previous configuration", err.text);
    } else {
        log_set_level(l->config.log_level);
        log_set_json(l->config.log_json);
        log_event(
            LOG_LEVEL_INFO, EVENT_RELOADED, NULL,
            "reloaded configuration and keys (port and listen-address change only with a restart)");
    }
    buffer_free(&report);
}

/* By a child while we already listen: a foreign lock keeps nobody from connecting. */
static void listener_ask_slots(struct listener *l)
{
    struct error err;

    if (slot_question_running(&l->slots, &l->config, &err))
        log_warning("%s", err.text);
}

static void listener_hear_slots(struct listener *l, int status)
{
    if (slot_question_end(&l->slots, status) == SLOT_ANSWER_NONE)
        log_warning("the device did not say which slot is running: no answer in time");
}

static void listener_reap(struct listener *l)
{
    int status;

    for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;)
        if (pid == l->slots.pid)
            listener_hear_slots(l, status);
        else if (!connection_reap(l, pid, status))
            listener_reap_reboot(l, pid, status);
}

static void listener_check_slots(struct listener *l, double now)
{
    if (l->slots.pid && now >= l->slots.end)
        kill(l->slots.pid, SIGKILL);
}

static void listener_stop(struct listener *l)
{
    if (l->stopping)
        return;
    l->stopping = true;
    log_event(LOG_LEVEL_INFO, EVENT_STOPPING, NULL,
              connection_updates_run(l) ? "stopping after the running update" : "stopping");
    listener_close_sockets(l);
    connection_kill_sessions(l);
}

static void listener_signal(struct listener *l)
{
    struct signalfd_siginfo info;

    while (read(l->signals, &info, sizeof info) == sizeof info) {
        if (info.ssi_signo == SIGCHLD)
            listener_reap(l);
        else if (info.ssi_signo == SIGHUP)
            listener_reload(l);
        else
            listener_stop(l);
    }
}

static int listener_watch_signals(struct listener *l, struct error *err)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigprocmask(SIG_BLOCK, &set, NULL);
    l->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return l->signals < 0 ? error_errno(err, "cannot wait for signals") : 0;
}

static size_t listener_count(const struct listener *l)
{
    size_t count = 1 + l->socket_count;

    for (const struct connection *c = l->connections; c; c = c->next)
        count++;
    return count;
}

static int listener_patience(const struct listener *l)
{
    int held = admission_patience(l);
    int own = l->reboot_wanted && !l->reboot_after ? LISTENER_SOON_MS : LISTENER_TICK_MS;

    return held >= 0 && held < own ? held : own;
}

static void listener_round(struct listener *l)
{
    size_t sockets = l->socket_count, count = listener_count(l), i = 1 + sockets;
    struct pollfd *p = memory_new(count, sizeof *p);

    p[0] = (struct pollfd){.fd = l->signals, .events = POLLIN};
    for (size_t k = 0; k < sockets; k++)
        p[1 + k] = (struct pollfd){.fd = l->sockets[k], .events = POLLIN};
    for (struct connection *c = l->connections; c; c = c->next)
        p[i++] = (struct pollfd){.fd = c->control, .events = POLLIN};
    poll(p, count, listener_patience(l));
    /* Connections first: their entries in p match the list as it was before poll(). */
    i = 1 + sockets;
    for (struct connection *c = l->connections; c; c = c->next, i++)
        if (p[i].revents && c->control == p[i].fd)
            connection_read(l, c);
    for (size_t k = 0; k < sockets; k++)
        if (p[1 + k].revents)
            admission_accept(l, l->sockets[k]);
    if (p[0].revents)
        listener_signal(l);
    listener_retry_sockets(l, io_now());
    admission_step(l, io_now());
    admission_report(l, io_now());
    connection_check_time(l, io_now());
    connection_free_ended(l);
    listener_check_reboot(l, io_now());
    listener_check_slots(l, io_now());
    free(p);
}

int listener_run(struct listener *l)
{
    struct error err;

    if (listener_watch_signals(l, &err) || listener_open_sockets(l, &err)) {
        log_error("%s", err.text);
        return (int)err.status;
    }
    listener_tell_ready();
    listener_ask_slots(l);
    /* Only now: a slow disk keeps nobody from connecting. */
    if (!l->last_good)
        last_good_keep(&l->config, l->config_path);
    while (!l->stopping || connection_updates_run(l) || l->reboot_wanted)
        listener_round(l);
    connection_kill_sessions(l);
    while (l->connections) {
        listener_reap(l);
        connection_kill_sessions(l);
        connection_free_ended(l);
        if (l->connections)
            (void)poll(NULL, 0, LISTENER_SOON_MS);
    }
    if (l->slots.pid)
        kill(l->slots.pid, SIGKILL);
    listener_close_sockets(l);
    io_close(&l->signals);
    io_close(&l->reboot_lock);
    return EXIT_DONE;
}
