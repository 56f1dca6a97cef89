/* SPDX-License-Identifier: Apache-2.0 */
#include "device/receive/updater_pump.h"

#include "base/io.h"
#include "base/spawn.h"
#include "device/receive/updater_run.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#define PUMP_PIECE (1u << 20)
#define PUMP_COPY_SIZE 65536
/* How often to check for the updater's exit if the kernel has no pidfd. */
#define PUMP_LOOK_MS 50
/* The longest wait, in seconds, before the times are looked at again. */
#define PUMP_LONGEST 3600
/* How long a killed updater may take to end. */
#define PUMP_KILL_SECONDS 10
#define PUMP_REAP_MS 2
/* fwup's --exit-handshake: its text ends with this byte and the exit status (docs/fw-format.md,
 * "Text"). */
#define PUMP_HANDSHAKE 0x1a

static bool pump_until_eof(const struct updater_pump *p)
{
    return p->left == UPDATER_UNTIL_EOF;
}

static void pump_close_input(struct updater_pump *p)
{
    updater_guard_release(&p->guard);
    io_close(p->in);
}

/* The last bytes are being collected. */
static bool pump_gathers(const struct updater_pump *p)
{
    return p->hold && p->left == p->hold;
}

/* All of the firmware is here: the updater gets the end of its input. */
static void pump_complete(struct updater_pump *p)
{
    p->past_return = p->last;
    if (p->last)
        client_commit(p->client);
    pump_close_input(p);
}

static void pump_fed(struct updater_pump *p, size_t n)
{
    p->client->heard = p->moved = io_now();
    p->moved_bytes += n;
    if (!pump_until_eof(p))
        p->left -= n;
    if (p->left == 0)
        pump_complete(p);
}

/* What arrived together with the header goes first. */
static ssize_t pump_move_ahead(struct updater_pump *p)
{
    uint64_t room = p->left - p->hold;
    size_t len = p->ahead->len < room ? p->ahead->len : (size_t)room;
    ssize_t n = write(*p->in, p->ahead->data, len);

    if (n > 0)
        buffer_drop(p->ahead, (size_t)n);
    return n;
}

/* For an input that splice(2) does not support. */
static ssize_t pump_copy(struct updater_pump *p, size_t len)
{
    char piece[PUMP_COPY_SIZE];
    ssize_t n = read(p->from, piece, len < sizeof piece ? len : sizeof piece);

    if (n > 0)
        buffer_add(p->ahead, piece, (size_t)n);
    return n > 0 ? pump_move_ahead(p) : n;
}

static ssize_t pump_move(struct updater_pump *p)
{
    uint64_t room = p->left - p->hold;
    size_t len = room < PUMP_PIECE ? (size_t)room : PUMP_PIECE;

    if (p->ahead->len)
        return pump_move_ahead(p);
    if (!p->copy) {
        ssize_t n = splice(p->from, NULL, *p->in, NULL, len, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
        if (n >= 0 || errno != EINVAL)
            return n;
        p->copy = true;
    }
    return pump_copy(p, len);
}

/* End of input: the client is lost, the stream is complete, or bytes are missing. */
static int pump_input_end(struct updater_pump *p, struct error *err)
{
    if (client_is_gone_at_end(p->client))
        return client_lost(err);
    uint64_t missing = p->left - p->ahead->len;
    if (!pump_until_eof(p))
        return error_set(err, EXIT_FAILED, "input ended %llu byte%s short; nothing was activated",
                         (unsigned long long)missing, missing == 1 ? "" : "s");
    pump_complete(p);
    return 0;
}

/* What is put together for us may break off while the updater reads nothing: that is no reason to
 * wait for it. */
static int pump_check_end(struct updater_pump *p, short revents, struct error *err)
{
    if (!p->client->assembled || p->broken_off || !(revents & POLLHUP))
        return 0;
    p->broken_off = true;
    return p->ahead->len + io_pending(p->from) < p->left ? pump_input_end(p, err) : 0;
}

/* Nothing of the end of a firmware is passed on before all of it is here. */
static void pump_release(struct updater_pump *p)
{
    if (!pump_gathers(p) || p->ahead->len < p->hold)
        return;
    p->hold = 0;
    if (p->last)
        client_commit(p->client);
}

static int pump_gather(struct updater_pump *p, struct error *err)
{
    char piece[PUMP_COPY_SIZE];
    size_t wanted = (size_t)p->hold - p->ahead->len;
    ssize_t n = read(p->from, piece, wanted < sizeof piece ? wanted : sizeof piece);

    if (n == 0)
        return pump_input_end(p, err);
    if (n < 0)
        return errno == EAGAIN || errno == EINTR
                   ? 0
                   : error_errno(err, "cannot read the firmware from the client");
    buffer_add(p->ahead, piece, (size_t)n);
    p->client->heard = p->moved = io_now(); /* so far the client owed bytes */
    pump_release(p);
    return 0;
}

/* Whether the next byte is the client's to send; otherwise we wait for the updater. */
static bool pump_client_owes(const struct updater_pump *p)
{
    return *p->in >= 0 && (pump_gathers(p) || (!p->sink_full && !p->ahead->len));
}

static int pump_feed(struct updater_pump *p, struct error *err)
{
    if (pump_gathers(p))
        return pump_gather(p, err);
    bool owed = pump_client_owes(p);
    ssize_t n = pump_move(p);

    if (n > 0) {
        p->sink_full = false;
        pump_fed(p, (size_t)n);
        return 0;
    }
    if (n == 0)
        return pump_input_end(p, err);
    if (errno == EAGAIN) {
        p->sink_full = true; /* there is input, according to poll() */
        if (owed)
            p->moved = io_now(); /* only now it is waited for */
    } else if (errno == EPIPE) {
        pump_close_input(p); /* it reads no more; its exit status will show why */
    } else if (errno != EINTR)
        return error_errno(err, "cannot pass the firmware on to the updater");
    return 0;
}

/* Removes the handshake from the updater's text. After it, the updater waits for the end of its
 * input. */
static size_t pump_cut_handshake(struct updater_pump *p, char *data, size_t len)
{
    size_t kept = 0;

    for (size_t i = 0; i < len && !p->shaken; i++) {
        if (p->seen_1a) {
            p->shaken = true;
            pump_close_input(p);
        } else if ((unsigned char)data[i] == PUMP_HANDSHAKE) {
            p->seen_1a = true;
        } else {
            data[kept++] = data[i];
        }
    }
    return kept;
}

/* False if there is nothing to read now, or at the end. */
static bool pump_read_text(struct updater_pump *p, int *fd, int which)
{
    struct pump_text *text = &p->text[which];
    ssize_t n = read(*fd, text->data, sizeof text->data);

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return false;
    if (n <= 0) {
        io_close(fd);
        return false;
    }
    p->moved = p->text_moved = io_now();
    text->pos = 0;
    text->len = (size_t)n;
    if (which == 0 && p->handshake)
        text->len = pump_cut_handshake(p, text->data, text->len);
    return true;
}

static void pump_write_text(struct updater_pump *p, int fd, struct pump_text *text)
{
    if (p->client->gone || p->mute) {
        text->len = 0;
        return;
    }
    ssize_t n = write(fd, text->data + text->pos, text->len);
    if (n > 0) {
        p->text_moved = p->moved = io_now(); /* so far the client had to read */
        text->pos += (size_t)n;
        text->len -= (size_t)n;
    } else if (n < 0 && errno != EAGAIN && errno != EINTR) {
        text->len = 0;
    }
}

/* Whether the updater goes on without the client: after the last byte, or if it switches with all
 * bytes of a firmware that others follow. */
static bool pump_is_past_client(const struct updater_pump *p)
{
    return p->past_return || (*p->in < 0 && p->said->switching);
}

/* If the client is lost before the last byte, the updater must not take its input for complete. */
static int pump_check_client(struct updater_pump *p, struct error *err)
{
    if (!client_is_gone(p->client) || pump_is_past_client(p))
        return 0;
    /* The missing bytes may have arrived without having been read yet. */
    bool all_here = pump_until_eof(p) ? client_has_ended(p->client, 0)
                                      : p->ahead->len + io_pending(p->from) >= p->left;
    if (p->last && all_here)
        return 0;
    return client_lost(err);
}

/* Lines of the updater. "complete" without a known size: the archive has ended, although the input
 * has not. The end of its input is the answer. */
static int pump_hear_result(struct updater_pump *p, struct error *err)
{
    int n = updater_result_read(*p->result, p->said);

    if (n > 0)
        p->moved = io_now();
    if (n < 0)
        io_close(p->result);
    if (!p->said->complete || !pump_until_eof(p) || *p->in < 0)
        return 0;
    if (pump_check_client(p, err))
        return -1;
    pump_complete(p);
    return 0;
}

enum {
    WATCH_IN,
    WATCH_SINK,
    WATCH_OUT,
    WATCH_ERR,
    WATCH_CLIENT_OUT,
    WATCH_CLIENT_ERR,
    WATCH_RESULT,
    WATCH_PID,
    WATCH_COUNT
};

static void pump_prepare(struct updater_pump *p, struct pollfd polls[WATCH_COUNT])
{
    bool feeding = *p->in >= 0;
    bool have = p->ahead->len > 0 && !pump_gathers(p);

    for (int i = 0; i < WATCH_COUNT; i++)
        polls[i] = (struct pollfd){.fd = -1};
    if (feeding && !p->sink_full && !have)
        polls[WATCH_IN] = (struct pollfd){.fd = p->from, .events = POLLIN};
    else if (feeding && p->client->assembled && !p->broken_off)
        polls[WATCH_IN] = (struct pollfd){.fd = p->from};
    if (feeding)
        polls[WATCH_SINK] =
            (struct pollfd){.fd = *p->in, .events = p->sink_full || have ? POLLOUT : 0};
    if (*p->out >= 0 && !p->text[0].len)
        polls[WATCH_OUT] = (struct pollfd){.fd = *p->out, .events = POLLIN};
    if (*p->err >= 0 && !p->text[1].len)
        polls[WATCH_ERR] = (struct pollfd){.fd = *p->err, .events = POLLIN};
    if (!p->client->gone) {
        polls[WATCH_CLIENT_OUT] =
            (struct pollfd){.fd = p->client->out, .events = p->text[0].len ? POLLOUT : 0};
        if (p->text[1].len)
            polls[WATCH_CLIENT_ERR] = (struct pollfd){.fd = p->client->err, .events = POLLOUT};
    }
    polls[WATCH_RESULT] = (struct pollfd){.fd = *p->result, .events = POLLIN};
    polls[WATCH_PID] = (struct pollfd){.fd = p->pidfd, .events = POLLIN};
}

static bool pump_text_is_stuck(const struct updater_pump *p)
{
    return !p->client->gone && !p->mute && (p->text[0].len || p->text[1].len);
}

/* When somebody's time is up: who has to read the text, to send, or to do something. Never for an
 * updater that is switching. */
static double pump_deadline(const struct updater_pump *p)
{
    if (pump_text_is_stuck(p))
        return p->text_moved + p->client->idle_timeout;
    if (pump_client_owes(p))
        return p->client->heard + p->client->idle_timeout;
    return p->said->switching ? 0 : p->moved + p->timeout;
}

/* For poll(2). */
static int pump_patience(const struct updater_pump *p)
{
    double end = pump_deadline(p), left = end - io_now();

    if (end == 0)
        return -1;
    return left > 0 ? (int)((left < PUMP_LONGEST ? left : PUMP_LONGEST) * 1000) + 1 : 0;
}

/* Nobody reads the text of the updater, which may wait for that. */
static int pump_text_late(struct updater_pump *p, struct error *err)
{
    if (!pump_is_past_client(p))
        return error_set(err, EXIT_FAILED,
                         "the client has not read its output for %d seconds (key idle-timeout)",
                         p->client->idle_timeout);
    p->mute = true;
    p->text[0].len = p->text[1].len = 0;
    p->moved = io_now();
    return 0;
}

static int pump_check_time(struct updater_pump *p, struct error *err)
{
    double now = io_now(), end = pump_deadline(p);

    if (pump_text_is_stuck(p))
        return now >= end ? pump_text_late(p, err) : 0;
    if (pump_client_owes(p))
        return now >= end ? client_silent(p->client, err) : 0;
    if (end == 0 || now < end)
        return 0;
    p->timed_out = true;
    return error_set(err, EXIT_FAILED,
                     "the updater gave no sign of life for %d seconds (key updater-timeout) and "
                     "was killed",
                     p->timeout);
}

static void pump_relay(struct updater_pump *p, const struct pollfd polls[WATCH_COUNT])
{
    if (polls[WATCH_OUT].revents)
        pump_read_text(p, p->out, 0);
    if (polls[WATCH_ERR].revents)
        pump_read_text(p, p->err, 1);
    if (p->text[0].len)
        pump_write_text(p, p->client->out, &p->text[0]);
    if (p->text[1].len)
        pump_write_text(p, p->client->err, &p->text[1]);
}

/* One round: 1 when the updater has exited, 0 to go on, -1 with the error set when it must be
 * killed. */
static int pump_round(struct updater_pump *p, struct error *err)
{
    struct pollfd polls[WATCH_COUNT];

    pump_release(p);
    int patience = pump_patience(p);
    if (p->client->gone && pump_check_client(p, err))
        return -1;
    pump_prepare(p, polls);
    if (p->pidfd < 0 && (patience < 0 || patience > PUMP_LOOK_MS))
        patience = PUMP_LOOK_MS;
    int n = poll(polls, WATCH_COUNT, patience);
    if (n < 0 && errno != EINTR)
        return error_errno(err, "cannot wait for the updater");
    if (n < 0)
        return 0;
    if (polls[WATCH_RESULT].revents && pump_hear_result(p, err))
        return -1;
    if (polls[WATCH_CLIENT_OUT].revents & (POLLERR | POLLHUP) && pump_check_client(p, err))
        return -1;
    if (pump_check_end(p, polls[WATCH_IN].revents, err))
        return -1;
    if (polls[WATCH_SINK].revents & POLLERR)
        pump_close_input(p);
    else if ((polls[WATCH_IN].revents || polls[WATCH_SINK].revents) && pump_feed(p, err))
        return -1;
    pump_relay(p, polls);
    if (pump_check_time(p, err))
        return -1;
    return polls[WATCH_PID].revents || (p->pidfd < 0 && spawn_has_ended(p->pid)) ? 1 : 0;
}

/* Its last output may still be in the pipes. Their end is not awaited, because a grandchild may
 * hold them open. */
static void pump_drain(struct updater_pump *p)
{
    int *fds[2] = {p->out, p->err};
    double end = io_now() + p->client->idle_timeout;

    for (int i = 0; i < 2; i++) {
        int to = i ? p->client->err : p->client->out;
        while (!p->mute && io_now() < end) {
            struct pollfd writable = {.fd = to, .events = POLLOUT};
            if (!p->text[i].len && (*fds[i] < 0 || !pump_read_text(p, fds[i], i)))
                break;
            if (p->text[i].len && (client_is_gone(p->client) || poll(&writable, 1, 1000) >= 0))
                pump_write_text(p, to, &p->text[i]);
        }
    }
}

/* Kills the whole process group: a process left behind would go on writing and hold the lock. One
 * that hangs in the kernel, as with a dead disk, is left alone: it keeps the lock. */
static int pump_end(struct updater_pump *p)
{
    kill(-p->pid, SIGKILL);
    io_close(p->in); /* only now: it must not see the end of its input while it is alive */
    updater_guard_end(&p->guard);
    for (double end = io_now() + PUMP_KILL_SECONDS; !spawn_has_ended(p->pid);) {
        if (io_now() >= end)
            return -1;
        (void)poll(NULL, 0, PUMP_REAP_MS);
    }
    return spawn_wait(p->pid);
}

/* What it said last is still in the pipe. */
static void pump_hear_last(struct updater_pump *p)
{
    while (*p->result >= 0 && updater_result_read(*p->result, p->said) > 0)
        ;
}

static int pump_start(struct updater_pump *p, struct error *err)
{
    p->guard.control = -1;
    p->pidfd = spawn_watch(p->pid);
    if (p->past_return)
        client_commit(p->client);
    return updater_guard_start(&p->guard, p->pid, *p->in, err);
}

int updater_pump_run(struct updater_pump *p, struct error *err)
{
    int rc = pump_start(p, err);

    p->client->heard = p->moved = p->text_moved = io_now();
    while (rc == 0)
        rc = pump_round(p, err);
    p->wait_status = pump_end(p);
    if (rc < 0 && p->wait_status == -1)
        error_suffix(err, "it hangs in the kernel and keeps the lock: reboot the device");
    pump_hear_last(p);
    pump_drain(p);
    io_close(&p->pidfd);
    return rc > 0 ? 0 : -1;
}
