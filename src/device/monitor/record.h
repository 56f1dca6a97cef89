/*
 * The messages between the listener (the monitor) and a session: fixed-size records over a
 * SOCK_SEQPACKET pair (ARCHITECTURE.md, "Processes and messages"). Everything that a session sends
 * is untrusted text.
 */
#ifndef FWSSH_DEVICE_MONITOR_RECORD_H
#define FWSSH_DEVICE_MONITOR_RECORD_H

#include <stdint.h>

enum record_type {
    /* up, from the session */
    RECORD_LOG = 1,  /* value: enum log_level; text: the line */
    RECORD_DENIED,   /* text: user, fingerprint and reason of a refused login */
    RECORD_ASK_KEYS, /* text: "USER TYPE FINGERPRINT BASE64" of an unknown key; answered by KEYS */
    RECORD_AUTHENTICATED, /* text: key fingerprint and comment */
    RECORD_SUBSYSTEM,     /* text: its name; answered by ACCEPTED or REFUSED */
    RECORD_INPUT_ENDED,   /* the client's end of input, just before it is passed on */
    RECORD_LOST,          /* text: why the channel ended without its end of input */
    RECORD_CLOSED,        /* the channel has been closed by both sides */
    /* down, from the listener */
    RECORD_ACCEPTED, /* with the ends of standard output, error and input, in this order */
    RECORD_KEYS,     /* a file with lines of authorized_keys first, or no descriptor */
    RECORD_REFUSED,  /* text: why */
    RECORD_ENDED,    /* value: exit status for the client; text: last words for it, or "" */
};

struct record {
    uint32_t type;
    uint32_t value;
    char text[1016];
};

/* fds: RECORD_FDS descriptors for ACCEPTED, one for KEYS (the others -1), else NULL. 0, or -1 with
 * errno. */
#define RECORD_FDS 3
int record_send(int socket, enum record_type type, uint32_t value, const char *text,
                const int *fds);

/* fds: room for RECORD_FDS, filled with descriptors or -1. 1, 0 at the end, -1 with errno. */
int record_receive(int socket, struct record *r, int *fds);

#endif
