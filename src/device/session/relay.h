/*
 * Bytes between an SSH channel and the three pipes of fwssh-receive, without ever blocking and with
 * bounded memory. The rules come from what was measured of libssh (ARCHITECTURE.md, "libssh").
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
    int fd; /* we read */
    size_t pos, len;
    char data[RELAY_TEXT_SIZE];
};

struct relay {
    int in; /* we write */
    struct relay_text out, err;
    bool sink_full, sink_dead;
    bool pulling;  /* kept is being filled by libssh */
    bool backlog;  /* libssh holds data that was not taken */
    bool eof;      /* the client has sent its end of input */
    bool moved;    /* bytes moved since this was last cleared */
    uint8_t *kept; /* bytes taken from libssh that the sink has no room for yet */
    size_t kept_pos, kept_len;

    /* growing the window where it is what limits the speed (relay_window.c) */
    bool grown;
    unsigned full_bursts;
    uint64_t burst, since_grow;
    double waiting; /* since when the socket has been silent; 0 while it is not */
};

/* Takes the descriptors over. Their numbers must ascend in this order: if this process dies, the
 * kernel closes them so. */
void relay_open(struct relay *r, int out, int err, int in);

/* The end of standard output goes first: so fwssh-receive knows a broken connection from an end of
 * input. */
void relay_close(struct relay *r);

/* For the channel's data callback: how many of the bytes were taken. */
int relay_take(struct relay *r, const void *data, uint32_t len);

/* Passes on what was taken; when the socket holds nothing more for now. */
void relay_flush(struct relay *r, ssh_channel channel);

/* Fills polls (RELAY_POLLS of them, fd -1 where there is nothing to wait for); then handles what
 * they say. */
void relay_prepare(const struct relay *r, struct pollfd *polls);
void relay_handle(struct relay *r, ssh_session session, ssh_channel channel,
                  const struct pollfd *polls);

/* Text to the client as far as its window allows. */
void relay_to_client(struct relay *r, ssh_session session, ssh_channel channel);

/* The client has sent its end of input and all before it has been passed on, or nobody takes it. */
bool relay_input_is_done(const struct relay *r, ssh_channel channel);

/* The client has sent more than any window that we ever gave. */
bool relay_is_overrun(const struct relay *r, ssh_channel channel);

/* All text that is in the pipes now has gone to the client. */
bool relay_is_drained(struct relay *r);

/* Text waits for a client that does not take it. */
bool relay_waits_for_client(const struct relay *r);

/* relay_window.c: called before and after each wait for the socket. */
void relay_window_before(struct relay *r, double now);
void relay_window_after(struct relay *r, ssh_channel channel, bool readable, double now);

/* Takes all that libssh holds for the channel; grow: and opens the window to RELAY_KEPT_SIZE (0.10
 * only). */
void relay_pull(struct relay *r, ssh_channel channel, bool grow);

/* More than libssh 0.10 lets a client send ahead, and the window that we grow to. */
#define RELAY_KEPT_SIZE (4u << 20)

#endif
