/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Moves bytes between an SSH channel and the three pipes of fwssh-receive, without ever blocking
 * and with bounded memory. The rules come from measurements of libssh (ARCHITECTURE.md, "libssh").
 */
#ifndef FWSSH_DEVICE_SESSION_RELAY_H
#define FWSSH_DEVICE_SESSION_RELAY_H

#include <libssh/libssh.h>
#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RELAY_TEXT_SIZE 16384
#define RELAY_POLLS 3

struct relay_text {
    int fd; /* read by us */
    size_t pos, len;
    char data[RELAY_TEXT_SIZE];
};

struct relay {
    int in; /* written by us */
    struct relay_text out, err;
    bool sink_full, sink_dead;
    bool pulling;  /* libssh is filling kept */
    bool backlog;  /* libssh holds data that we have not taken */
    bool eof;      /* the client has sent EOF */
    bool moved;    /* bytes moved since this was last cleared */
    uint8_t *kept; /* bytes from libssh for which the sink has no room yet */
    size_t kept_pos, kept_len;

    /* for growing the window where it limits the throughput (relay_window.c) */
    bool grown;
    unsigned full_bursts;
    uint64_t burst, since_grow;
    double waiting; /* since when the socket has been silent; 0 while it is not */
};

/*
 * Takes ownership of the descriptors. Their numbers must ascend in this order: a kernel that closes
 * the descriptors of a dead process from the lowest up then closes standard output first, as
 * relay_close() does.
 */
void relay_open(struct relay *r, int out, int err, int in);

/* Closes standard output first, by which fwssh-receive tells a broken connection from the end of
 * input. */
void relay_close(struct relay *r);

/* For the channel's data callback. Returns how many of the bytes were taken. */
int relay_take(struct relay *r, const void *data, uint32_t len);

/* Passes on what was taken. Called when the socket has been read empty. */
void relay_flush(struct relay *r, ssh_channel channel);

/* Fills RELAY_POLLS entries for poll(2), with fd -1 where there is nothing to wait for;
 * relay_handle() acts on the result. */
void relay_prepare(const struct relay *r, struct pollfd *polls);
void relay_handle(struct relay *r, ssh_session session, ssh_channel channel,
                  const struct pollfd *polls);

/* Sends text to the client as far as its window allows. */
void relay_to_client(struct relay *r, ssh_session session, ssh_channel channel);

/*
 * The client has sent EOF and everything before it has been passed on, or nobody reads it any more.
 */
bool relay_input_is_done(const struct relay *r, ssh_channel channel);

/* The client has sent more than any window that we ever granted. */
bool relay_is_overrun(const struct relay *r, ssh_channel channel);

/* All text that is in the pipes now has been sent to the client. */
bool relay_is_drained(struct relay *r);

/* Text is waiting for the client to open its window. */
bool relay_waits_for_client(const struct relay *r);

/* relay_window.c: called before and after each wait for the socket. */
void relay_window_before(struct relay *r, double now);
void relay_window_after(struct relay *r, ssh_channel channel, bool readable, double now);

/* Takes all data that libssh holds for the channel. grow: also opens the window to RELAY_KEPT_SIZE
 * (libssh 0.10 only). */
void relay_pull(struct relay *r, ssh_channel channel, bool grow);

/* Bytes: more than libssh 0.10 lets a client send ahead, and the size of the grown window. */
#define RELAY_KEPT_SIZE (4u << 20)

#endif
