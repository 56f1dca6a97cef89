/* SPDX-License-Identifier: Apache-2.0 */
#include "device/session/relay.h"

#include "base/io.h"
#include "base/memory.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define RELAY_BATCH (256u << 10)

/* The largest window and a packet. libssh 0.10 accepts data beyond the window, up to 256 MiB. */
#define RELAY_OVERRUN ((int)RELAY_KEPT_SIZE + 65536)

void relay_open(struct relay *r, int out, int err, int in)
{
    *r = (struct relay){.in = in, .out = {.fd = out}, .err = {.fd = err}};
    io_set_nonblocking(in);
    io_set_nonblocking(out);
    io_set_nonblocking(err);
    /* Pages that are never touched take no memory. */
    r->kept = memory_resize(NULL, RELAY_KEPT_SIZE);
}

void relay_close(struct relay *r)
{
    io_close(&r->out.fd);
    io_close(&r->err.fd);
    io_close(&r->in);
    free(r->kept);
    r->kept = NULL;
    r->kept_len = 0;
}

/* Writes as many bytes as the sink accepts now. */
static size_t relay_write(struct relay *r, const uint8_t *data, size_t len)
{
    size_t done = 0;

    while (done < len && !r->sink_full && !r->sink_dead) {
        ssize_t n = write(r->in, data + done, len - done);
        if (n > 0)
            done += (size_t)n;
        else if (errno == EAGAIN)
            r->sink_full = true;
        else if (errno != EINTR)
            r->sink_dead = true;
    }
    if (done)
        r->moved = true;
    r->burst += done;
    r->since_grow += done;
    return done;
}

static void relay_write_kept(struct relay *r)
{
    if (!r->kept_len || r->sink_full)
        return;
    size_t done = relay_write(r, r->kept + r->kept_pos, r->kept_len);
    r->kept_pos += done;
    r->kept_len -= done;
    if (!r->kept_len || r->sink_dead)
        r->kept_pos = r->kept_len = 0;
}

/* A write wakes two processes, so packets are collected until relay_flush(), when the socket is
 * empty. */
int relay_take(struct relay *r, const void *data, uint32_t len)
{
    /* The updater has exited and reads no more; the client will get its result soon. */
    if (r->in < 0 || r->sink_dead)
        return (int)len;
    if (r->kept_len >= RELAY_BATCH && !r->pulling)
        relay_write_kept(r);
    /* To keep the order, the rest stays in libssh, bounded by the channel window. */
    size_t end = r->kept_pos + r->kept_len;
    size_t taken = 0;
    if (!r->pulling && !r->sink_full && end < RELAY_BATCH) {
        taken = len < 2 * RELAY_BATCH - end ? len : 2 * RELAY_BATCH - end;
        memcpy(r->kept + end, data, taken);
        r->kept_len += taken;
    }
    r->backlog = taken < len;
    return (int)taken;
}

/*
 * libssh's own backlog is taken all at once, and only when nothing is kept: with small reads,
 * libssh 0.10 would open the window again without counting what it still holds, and memory would
 * grow without bounds. Reading may process more packets; their callback must then leave the buffer
 * alone.
 */
void relay_pull(struct relay *r, ssh_channel channel, bool grow)
{
    r->pulling = true;
    /* If asked for more than the open window, libssh 0.10 opens it that far. */
    int n = grow ? ssh_channel_read_timeout(channel, r->kept, RELAY_KEPT_SIZE, 0, 0)
                 : ssh_channel_read_nonblocking(channel, r->kept, RELAY_KEPT_SIZE, 0);
    r->pulling = false;
    r->backlog = n == (int)RELAY_KEPT_SIZE;
    if (n <= 0)
        return;
    r->kept_pos = 0;
    r->kept_len = (size_t)n;
    relay_write_kept(r);
}

void relay_flush(struct relay *r, ssh_channel channel)
{
    relay_write_kept(r);
    while (r->backlog && !r->kept_len && !r->sink_full && !r->sink_dead)
        relay_pull(r, channel, false);
}

static void relay_read_text(struct relay_text *t)
{
    ssize_t n = read(t->fd, t->data, sizeof t->data);

    if (n > 0) {
        t->pos = 0;
        t->len = (size_t)n;
    } else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
        io_close(&t->fd);
    }
}

static struct pollfd relay_poll_text(const struct relay_text *t)
{
    return (struct pollfd){.fd = t->len ? -1 : t->fd, .events = POLLIN};
}

void relay_prepare(const struct relay *r, struct pollfd *polls)
{
    polls[0] = (struct pollfd){.fd = r->sink_full && !r->sink_dead ? r->in : -1, .events = POLLOUT};
    polls[1] = relay_poll_text(&r->out);
    polls[2] = relay_poll_text(&r->err);
}

void relay_handle(struct relay *r, ssh_session session, ssh_channel channel,
                  const struct pollfd *polls)
{
    if (polls[0].revents) {
        r->sink_full = false;
        relay_flush(r, channel);
    }
    if (polls[1].revents)
        relay_read_text(&r->out);
    if (polls[2].revents)
        relay_read_text(&r->err);
    relay_to_client(r, session, channel);
}

static void relay_send(struct relay *r, struct relay_text *t, ssh_session session,
                       ssh_channel channel, bool is_stderr)
{
    while (t->len) {
        uint32_t window = ssh_channel_window_size(channel);
        if (!window || (ssh_get_status(session) & SSH_WRITE_PENDING))
            return;
        uint32_t len = t->len < window ? (uint32_t)t->len : window;
        int n = is_stderr ? ssh_channel_write_stderr(channel, t->data + t->pos, len)
                          : ssh_channel_write(channel, t->data + t->pos, len);
        if (n == 0)
            return;
        if (n < 0) {
            t->len = 0; /* the client has closed its channel */
            return;
        }
        t->pos += (size_t)n;
        t->len -= (size_t)n;
        r->moved = true;
    }
}

void relay_to_client(struct relay *r, ssh_session session, ssh_channel channel)
{
    relay_send(r, &r->out, session, channel, false);
    relay_send(r, &r->err, session, channel, true);
}

bool relay_input_is_done(const struct relay *r, ssh_channel channel)
{
    if (r->in < 0 || (!r->eof && !r->sink_dead))
        return false;
    /* libssh is asked first: it may process packets, whose data is then kept. */
    bool held = ssh_channel_poll(channel, 0) > 0;

    return r->sink_dead || (r->eof && !held && !r->kept_len && !r->sink_full);
}

bool relay_is_overrun(const struct relay *r, ssh_channel channel)
{
    return r->sink_full && ssh_channel_poll(channel, 0) > RELAY_OVERRUN;
}

bool relay_is_drained(struct relay *r)
{
    struct relay_text *texts[] = {&r->out, &r->err};

    for (size_t i = 0; i < 2; i++) {
        if (!texts[i]->len && texts[i]->fd >= 0)
            relay_read_text(texts[i]);
        if (texts[i]->len)
            return false;
    }
    return true;
}

bool relay_waits_for_client(const struct relay *r)
{
    return r->out.len || r->err.len;
}
