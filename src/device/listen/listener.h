/*
 * The listener: accepts connections and counts them, starts a session process for each and
 * fwssh-receive for each update, reaps them, and runs the reboot. It speaks no SSH
 * (ARCHITECTURE.md, "Processes and messages").
 */
#ifndef FWSSH_DEVICE_LISTEN_LISTENER_H
#define FWSSH_DEVICE_LISTEN_LISTENER_H

#include "device/config/device_config.h"
#include "device/listen/host_keys.h"
#include "device/listen/peer.h"
#include "device/listen/penalty.h"
#include "device/monitor/record.h"
#include "device/receive/result.h"

#include <stdbool.h>
#include <sys/types.h>

#define LISTENER_SOCKETS_MAX 16

struct connection {
    struct connection *next;
    struct peer peer;
    char who[400];     /* key fingerprint and comment, "" before the login */
    int held;          /* the connection while it has to wait for its session, else -1 */
    pid_t session;     /* 0 when it has ended */
    int control;       /* -1 when the session has closed it */
    pid_t key_command; /* asked for keys (key_command.h), 0 when none runs */
    int key_answer;    /* what it prints, else -1 */
    double key_asked;
    double started, update_started;
    bool authenticated;
    pid_t receive;         /* 0 when none runs */
    int result_fd;         /* our end of fwssh-receive's result socket */
    double farewell_until; /* the client is being told how its update ended; 0: it is not */
};

struct listener {
    struct device_config config;
    const char *config_path;
    struct text_list overrides;
    struct host_keys keys;
    int sockets[LISTENER_SOCKETS_MAX];
    size_t socket_count;
    int signals; /* signalfd(2) */
    struct connection *connections;
    struct penalty_book penalties;
    double next_turn; /* of those that are held (admission.h) */
    bool stopping;

    /* a reboot that is due (listener_reboot.c) */
    bool reboot_wanted;
    const struct connection *reboot_after; /* its channel is still being closed */
    double reboot_at;
    pid_t reboot_pid;
    int reboot_lock;
};

/* Takes configuration and keys over; both stay in force until SIGHUP brings new ones. Returns the
 * exit status. */
int listener_run(struct listener *l);

/*
 * Reads the configuration and keys anew and has them checked; the old ones stay in force if that
 * fails. keep: a host key that has to be made is kept in state-dir.
 */
int listener_load(struct listener *l, bool keep, struct buffer *report, struct error *err);

/* listener_sockets.c */
int listener_open_sockets(struct listener *l, struct error *err);
void listener_tell_ready(void);

/* connection.c */
void connection_read(struct listener *l, struct connection *c);
bool connection_reap(struct listener *l, pid_t pid, int status);
void connection_check_time(struct listener *l, double now);
void connection_kill_sessions(struct listener *l);
/* An update runs, or a client is being told how its one ended. */
bool connection_updates_run(const struct listener *l);
void connection_free_ended(struct listener *l);

/* update.c: fwssh-receive of one connection */
void update_begin(struct listener *l, struct connection *c, const char *subsystem);
void update_input_ended(const struct connection *c, bool lost);
void update_end(struct listener *l, struct connection *c, int status);

/* listener_reboot.c */
void listener_want_reboot(struct listener *l, const struct connection *c, int lock);
void listener_channel_closed(struct listener *l, const struct connection *c);
void listener_check_reboot(struct listener *l, double now);
bool listener_reap_reboot(struct listener *l, pid_t pid, int status);

#endif
