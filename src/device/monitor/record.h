/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The messages between the listener and a session: fixed-size records over a SOCK_SEQPACKET socket
 * pair (ARCHITECTURE.md, "Processes and messages on the device"). Everything that a session sends
 * is untrusted.
 */
#ifndef FWSSH_DEVICE_MONITOR_RECORD_H
#define FWSSH_DEVICE_MONITOR_RECORD_H

#include <stdint.h>

enum record_type {
    /* session to listener */
    RECORD_LOG = 1,       /* value: enum log_level; text: the line */
    RECORD_DENIED,        /* text: user, key fingerprint and why the login was refused */
    RECORD_ASK_KEYS,      /* unknown key, "USER TYPE FINGERPRINT BASE64"; answered with KEYS */
    RECORD_AUTHENTICATED, /* text: key fingerprint and comment */
    RECORD_SUBSYSTEM,     /* text: its name; answered with ACCEPTED or REFUSED */
    RECORD_INPUT_ENDED,   /* the client sent EOF; sent just before it is passed on */
    RECORD_LOST,          /* text: why the channel ended without EOF */
    RECORD_CLOSED,        /* both sides have closed the channel */
    /* listener to session */
    RECORD_ACCEPTED, /* carries the pipe ends of standard output, error and input, in this order */
    RECORD_KEYS,     /* carries a file in authorized_keys format, or no descriptor */
    RECORD_REFUSED,  /* text: why; value: exit status for a client that is told, else 0 */
    RECORD_LEAVE,    /* disconnect; text: why, for the client */
    RECORD_ENDED,    /* value: exit status for the client; text: a final message for it, or "" */
};

struct record {
    uint32_t type;
    uint32_t value;
    char text[1016];
};

/* Sends a record; a text (or NULL) that is too long is cut. fds: RECORD_FDS descriptors for
 * ACCEPTED, one for KEYS (the others -1), else NULL. Returns 0, or -1 with errno set. */
#define RECORD_FDS 3
int record_send(int socket, enum record_type type, uint32_t value, const char *text,
                const int *fds);

/* Receives a record. fds has room for RECORD_FDS and gets descriptors, which the caller closes, or
 * -1. Returns 1, 0 when the other side has closed, or -1 with errno set. */
int record_receive(int socket, struct record *r, int *fds);

#endif
