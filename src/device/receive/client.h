/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The client as fwssh-receive sees it: data on standard input, text on standard output and error. A
 * broken connection is distinguished from a real end of input (ARCHITECTURE.md, "End of input or
 * broken connection?").
 */
#ifndef FWSSH_DEVICE_RECEIVE_CLIENT_H
#define FWSSH_DEVICE_RECEIVE_CLIENT_H

#include "base/buffer.h"
#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

struct client {
    int in, out, err;    /* 0, 1, and for messages to the user 2 with --stderr, else 1 */
    int listener;        /* the listener's socket (--result-fd), or -1 */
    struct buffer ahead; /* input that was read together with the header */
    bool gone;           /* nobody reads what we write */
    bool shows_one;      /* it may show standard output only: messages go there, too */
    bool is_local;       /* a user at the device, who sees both streams; in is a file, and owned */
    bool told_end;       /* the listener has reported a real end of input */
    bool assembled;      /* in and out are those of a program that looks after the connection */
    int idle_timeout;    /* seconds */
    double heard;        /* when the last byte arrived (io_now()) */
};

/* Makes descriptors 0 to 2 non-blocking if they are pipes or sockets. idle_timeout: seconds. */
void client_open(struct client *c, bool use_stderr, int listener, int idle_timeout);
void client_close(struct client *c);

/* Whether the connection is broken; sets gone. */
bool client_is_gone(struct client *c);

/* Whether the listener has reported the client's end of input; waits at most wait_ms for that. */
bool client_has_ended(struct client *c, int wait_ms);

/* At the end of input: whether the connection was lost instead of the stream being complete. */
bool client_is_gone_at_end(struct client *c);

/* The update is completed now, whatever becomes of the client: a user at the device can no longer
 * interrupt it, as a lost connection could not. */
void client_commit(const struct client *c);

/* Writes a text to the client's standard output, as the nerves_firmware_ssh server does. Blocks; a
 * client that is gone is not an error. */
void client_say(struct client *c, const char *text);

/* The same for bytes. */
void client_send(struct client *c, const void *bytes, size_t len);

/* Writes "fwssh: TEXT" where the user reads it. */
void client_complain(struct client *c, const char *text);

/* Reads more bytes into ahead. Returns the count, 0 at the end of input, or -1 with the error set
 * (client lost or silent). */
int client_read_ahead(struct client *c, struct error *err);

/* Number of bytes that have arrived and have not been read. */
uint64_t client_pending(const struct client *c);

/* What is done with bytes that arrive: 0, or -1 with the error set. */
struct client_taker {
    int (*take)(void *data, const void *bytes, size_t len, struct error *err);
    void *data;
};

/* Reads len bytes, piece by piece; taker NULL: they are discarded. Returns 0, or -1 with the error
 * set (client lost or silent, or the taker's). */
int client_receive(struct client *c, uint64_t len, const struct client_taker *taker,
                   struct error *err);

/* Set the error for a client that is gone, or has been silent for idle_timeout. Both return -1. */
int client_lost(struct error *err);
int client_silent(const struct client *c, struct error *err);

#endif
