/*
 * The client as fwssh-receive sees it: bytes on standard input, text on standard output and error.
 * A broken connection is told from a real end of input (ARCHITECTURE.md, "End of input or broken
 * connection").
 */
#ifndef FWSSH_DEVICE_RECEIVE_CLIENT_H
#define FWSSH_DEVICE_RECEIVE_CLIENT_H

#include "base/buffer.h"
#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

struct client {
    int in, out, err;    /* 0, 1, and where messages for a person go: 2 with --stderr, else 1 */
    int listener;        /* its socket (--result-fd), or -1 */
    struct buffer ahead; /* read from the input together with the header */
    bool gone;           /* nobody reads what we write */
    bool told_end;       /* the listener said that the input has come to a real end */
    int idle_timeout;    /* seconds */
    double heard;        /* when the last byte came */
};

void client_open(struct client *c, bool use_stderr, int listener, int idle_timeout);
void client_close(struct client *c);

/* Whether the connection is broken; sets gone. */
bool client_is_gone(struct client *c);

/* The listener has said that the client sent its end of input; waits so long for that word. */
bool client_has_ended(struct client *c, int wait_ms);

/* At the end of the input, whether it is a lost connection in place of a complete stream. */
bool client_is_gone_at_end(struct client *c);

/* Text for the client's standard output, as the origin writes it. Waits; a client that is gone is
 * no error. */
void client_say(struct client *c, const char *text);

/* "fwssh: TEXT" where a person reads it. */
void client_complain(struct client *c, const char *text);

/* More bytes into ahead: the count, 0 at the end of the input, -1 with the error set (lost,
 * silent). */
int client_read_ahead(struct client *c, struct error *err);

/* Bytes that have arrived and were not read yet. */
uint64_t client_pending(const struct client *c);

/* Reads len bytes and throws them away: 0, or -1 with the error set. */
int client_swallow(struct client *c, uint64_t len, struct error *err);

/* The error of a client that went away, or has been silent for idle_timeout. Both return -1. */
int client_lost(struct error *err);
int client_silent(const struct client *c, struct error *err);

#endif
