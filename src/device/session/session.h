/*
 * One SSH connection, in a process of its own. It moves bytes between a channel and the pipes that
 * the listener hands it, and touches nothing else (ARCHITECTURE.md, "Processes and messages").
 */
#ifndef FWSSH_DEVICE_SESSION_SESSION_H
#define FWSSH_DEVICE_SESSION_SESSION_H

#include "device/session/relay.h"
#include "device/session/session_brief.h"

#include <libssh/callbacks.h>
#include <libssh/libssh.h>
#include <libssh/server.h>

#define SESSION_TRIES_MAX 6

struct session_channel {
    ssh_channel ch;
    struct ssh_channel_callbacks_struct callbacks;
    bool running;     /* the relay is open */
    bool eof, closed; /* what the client has sent */
    bool ended;       /* the exit status is known */
    uint32_t status;
    char last_words[600]; /* of the listener, for the client's standard error */
    const char *answer;   /* text instead of an update: a refused shell or command */
    bool farewell;        /* EOF, status and close have been sent */
    double farewell_at, moved_at;
    struct relay relay;
};

struct session {
    struct session_brief brief;
    int socket, monitor;
    char peer[46]; /* the client's address, numeric */
    ssh_session ssh;
    ssh_bind bind;
    ssh_event event;
    struct ssh_server_callbacks_struct callbacks;
    struct authorized_keys asked; /* what the site's command said last */
    bool authenticated, hung_up;
    int tries;
    double started, quiet_since, kept_alive;
    struct session_channel channel;
};

/* Serves the connection on the descriptors of monitor/brief.h to its end. Returns the process's
 * exit status. */
int session_run(void);

/* session_setup.c: from the brief to a session that has exchanged keys. */
int session_setup(struct session *s, struct error *err);
void session_teardown(struct session *s);

/* session_auth.c */
void session_auth_watch(struct session *s);

/*
 * session_keys.c: the entry that allows a login with this key, of the files, or of the site's
 * command, which is then asked. user and fingerprint ("TYPE SHA256:...") are for the command. NULL
 * with the reason in *why.
 */
const struct authorized_key *session_keys_find(struct session *s, ssh_key key, const char *user,
                                               const char *fingerprint, const char **why);

/* session_channel.c: at most one channel at a time. */
ssh_channel session_channel_open(struct session *s);
void session_channel_step(struct session *s, double now);
void session_channel_lose(struct session *s, const char *why);
void session_channel_monitor_said(struct session *s);

#endif
