/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The listener, fwsshd's main process: accepts connections and limits their number, starts a
 * session process for each connection and fwssh-receive for each update, reaps them, and runs the
 * reboot command. It does not speak SSH (ARCHITECTURE.md, "Processes and messages on the device").
 */
#ifndef FWSSH_DEVICE_LISTEN_LISTENER_H
#define FWSSH_DEVICE_LISTEN_LISTENER_H

#include "device/config/device_config.h"
#include "device/listen/host_keys.h"
#include "device/listen/peer.h"
#include "device/listen/penalty.h"
#include "device/monitor/record.h"
#include "device/receive/result.h"
#include "device/receive/slot_question.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define LISTENER_SOCKETS_MAX 16

struct connection {
    struct connection *next;
    struct peer peer;
    char who[400];     /* key fingerprint and comment, "" before the login */
    int held;          /* its socket while it waits for a session or leaves, else -1 */
    double leaves;     /* it has been told why it gets none, and is closed then; 0: it has not */
    pid_t session;     /* process id; 0 when it has ended */
    int control;       /* control socket; -1 when the session has closed it */
    pid_t key_command; /* authorized-keys-command (key_command.h); 0: not running */
    int key_answer;    /* its output, else -1 */
    double key_asked;
    unsigned key_questions; /* so far */
    double started, served, update_started;
    bool authenticated;
    bool penalized;        /* its source had a penalty when it came (penalty.h) */
    bool has_offered;      /* at least one key */
    double words, said_at; /* how many messages may be logged now (connection_say()) */
    unsigned unsaid;       /* messages that were not */
    pid_t receive;         /* fwssh-receive; 0: not running */
    int result_fd;         /* our end of fwssh-receive's result socket */
    double turned_out;     /* when it was told to leave; 0: not */
    double farewell_until; /* the result may be delivered until then; 0: none is */
};

struct listener {
    struct device_config config;
    const char *config_path;
    bool last_good; /* config is not from there, but the last good one */
    struct text_list overrides;
    struct host_keys keys;
    uint64_t keys_told; /* the authorized keys that were last complained about (login_keys.h) */
    int sockets[LISTENER_SOCKETS_MAX];
    size_t socket_count;
    /* Addresses that were not there at the start (listener_sockets.c). */
    char *awaited[LISTENER_SOCKETS_MAX]; /* owned; those up to awaited_count */
    size_t awaited_count;
    int awaited_port;
    double awaited_next; /* when to try again */
    int signals;         /* signalfd(2) */
    struct connection *connections;
    struct penalty_book penalties;
    double next_turn; /* when the next held connection is served (admission.h) */
    bool stopping;
    struct slot_question slots; /* which slot is running, asked once */

    /* pending reboot (listener_reboot.c) */
    bool reboot_wanted;
    const struct connection *reboot_after; /* its channel has to be closed first */
    double reboot_at;
    pid_t reboot_pid;
    int reboot_lock;
};

/* Serves with the configuration and keys that listener_load() has loaded; SIGHUP reloads them,
 * SIGTERM and SIGINT end it. Returns the exit status. */
int listener_run(struct listener *l);

enum listener_load {
    LISTENER_TEST,   /* changes nothing; an unknown key is an error */
    LISTENER_START,  /* if all else fails, with the last good configuration (last_good.h) */
    LISTENER_RELOAD, /* if that fails, the previous ones are kept */
};

/* Loads configuration and keys and has them checked; report gets what the check prints
 * (session_tool_check()). Returns 0, or -1 with the error set. */
int listener_load(struct listener *l, enum listener_load how, struct buffer *report,
                  struct error *err);

/* listener_sockets.c */
int listener_open_sockets(struct listener *l, struct error *err);
/* Tries the addresses again that were not there so far. */
void listener_retry_sockets(struct listener *l, double now);
void listener_close_sockets(struct listener *l);
void listener_tell_ready(void);

/* connection.c */
/* Who is at the other end, for lines of the log; the key is "" before the login. */
#define CONNECTION_FIELDS(c)                                                                       \
    (const struct log_field[])                                                                     \
    {                                                                                              \
        LOG_TEXT("address", (c)->peer.address), LOG_TEXT("key", (c)->who), LOG_FIELDS_END          \
    }
/* Logs a message, with the client's address, that a stranger or his session may cause. Only so many
 * of one connection are logged, and of a source with a penalty at level debug only. */
void connection_say(struct connection *c, enum log_level level, const char *event, const char *fmt,
                    ...) __attribute__((format(printf, 4, 5)));
/* The line of a connection that is over: in the audit log, or counted for its source. */
void connection_account(struct listener *l, const struct connection *c);
void connection_read(struct listener *l, struct connection *c);
bool connection_reap(struct listener *l, pid_t pid, int status);
void connection_check_time(struct listener *l, double now);
void connection_kill_sessions(struct listener *l);
/* An update is running, or its result is still being delivered to the client. */
bool connection_updates_run(const struct listener *l);
void connection_free_ended(struct listener *l);

/* update.c: the fwssh-receive of a connection */
void update_begin(struct listener *l, struct connection *c, const char *subsystem);
void update_input_ended(const struct connection *c, bool lost);
void update_end(struct listener *l, struct connection *c, int status);

/* listener_reboot.c */
void listener_want_reboot(struct listener *l, const struct connection *c, int lock);
void listener_channel_closed(struct listener *l, const struct connection *c);
void listener_check_reboot(struct listener *l, double now);
bool listener_reap_reboot(struct listener *l, pid_t pid, int status);

#endif
