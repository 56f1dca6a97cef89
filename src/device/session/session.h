/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One SSH connection, in a process of its own. It moves bytes between a channel and the pipes that
 * it gets from the listener, and touches nothing else (ARCHITECTURE.md, "Processes and messages on
 * the device").
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
    char last_words[600]; /* from the listener, for the client's standard error */
    const char *answer;   /* sent instead of an update: shell and exec are refused */
    bool farewell;        /* EOF, status and close have been sent */
    double farewell_at, moved_at;
    struct relay relay;
};

struct session {
    struct session_brief brief;
    int socket, listener;
    int socket_copy; /* outlasts libssh's, which it closes at once; -1: none */
    char peer[46];   /* the client's address, numeric */
    ssh_session ssh;
    ssh_bind bind;
    ssh_event event;
    struct ssh_server_callbacks_struct callbacks;
    struct authorized_keys asked; /* the last answer of authorized-keys-command */
    bool authenticated, hung_up;
    char goodbye[200]; /* why the connection ends, for the client; "": no particular reason */
    int tries;
    double started, quiet_since, kept_alive;
    bool asked_service;                        /* the client means to log in */
    struct ssh_counter_struct packets, before; /* kept by libssh; as they were at that request */
    uint64_t seen_in;                          /* of them, when the last look was taken */
    double heard;                              /* when that grew */
    struct session_channel channel;
};

/* Serves the connection on the descriptors listed in monitor/brief.h until it ends. Returns the
 * process's exit status. */
int session_run(void);

/* session_setup.c: reads the brief, enters the sandbox and exchanges keys. Returns 0, or -1 with
 * the error set; session_teardown() in any case. */
int session_setup(struct session *s, struct error *err);
void session_teardown(struct session *s);

/* session_auth.c */
void session_auth_watch(struct session *s);

/*
 * session_keys.c: returns the entry that allows a login with this key, owned by the session, or
 * NULL with the reason in *why. If the files have none, authorized-keys-command is run with user
 * and fingerprint ("TYPE SHA256:...").
 */
const struct authorized_key *session_keys_find(struct session *s, ssh_key key, const char *user,
                                               const char *fingerprint, const char **why);

/* session_channel.c: at most one channel at a time. */
ssh_channel session_channel_open(struct session *s);
void session_channel_step(struct session *s, double now);
void session_channel_lose(struct session *s, const char *why);
void session_channel_listener_said(struct session *s);

#endif
