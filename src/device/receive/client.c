/* SPDX-License-Identifier: Apache-2.0 */
#include "device/receive/client.h"

#include "base/io.h"
#include "device/receive/result.h"
#include "wire/answer.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Only pipes and sockets: a terminal's flags are shared with the user's shell. */
static void client_unblock(int fd)
{
    struct stat st;

    if (!fstat(fd, &st) && (S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode)))
        io_set_nonblocking(fd);
}

/* How long after the end of input an SSH server may take to close our output. */
#define CLIENT_SETTLE_MS 100
/* How long to wait for the listener, which sends from its event loop. */
#define CLIENT_WORD_MS 10000

void client_open(struct client *c, bool use_stderr, int listener, int idle_timeout)
{
    *c = (struct client){.in = STDIN_FILENO,
                         .out = STDOUT_FILENO,
                         .err = use_stderr ? STDERR_FILENO : STDOUT_FILENO,
                         .listener = listener,
                         .idle_timeout = idle_timeout,
                         .heard = io_now()};
    client_unblock(c->in);
    client_unblock(c->out);
    client_unblock(c->err);
}

void client_close(struct client *c)
{
    if (c->is_local)
        io_close(&c->in);
    buffer_free(&c->ahead);
}

/*
 * A session that breaks off closes its end of our standard output first, then that of our input.
 * poll(2) reports POLLERR for a pipe without a reader, and POLLHUP for a socket pair, which some
 * SSH servers use.
 */
static bool client_look(struct client *c, int wait_ms)
{
    struct pollfd p = {.fd = c->out};

    if (!c->gone && poll(&p, 1, wait_ms) > 0 && (p.revents & (POLLERR | POLLHUP | POLLNVAL)))
        c->gone = true;
    return c->gone;
}

bool client_is_gone(struct client *c)
{
    return client_look(c, 0);
}

bool client_has_ended(struct client *c, int wait_ms)
{
    struct pollfd p = {.fd = c->listener, .events = POLLIN};
    char word = 0;

    if (c->listener >= 0 && !c->told_end && poll(&p, 1, wait_ms) > 0 &&
        read(c->listener, &word, 1) == 1)
        c->told_end = word == RESULT_INPUT_ENDED;
    return c->told_end;
}

/*
 * Under fwsshd the listener reports which of the two it was (result.h), since the kernel may close
 * the descriptors of a killed session in any order. Under other SSH servers, the order of closing
 * has to do.
 */
bool client_is_gone_at_end(struct client *c)
{
    if (c->assembled)
        return false;
    if (c->listener < 0)
        return client_look(c, CLIENT_SETTLE_MS);
    if (!client_has_ended(c, CLIENT_WORD_MS))
        c->gone = true;
    return c->gone && !c->told_end;
}

void client_commit(const struct client *c)
{
    static const int signals[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM};

    for (size_t i = 0; c->is_local && i < sizeof signals / sizeof *signals; i++)
        signal(signals[i], SIG_IGN);
}

/* Waits at most idle_timeout for the client to read its output. */
static void client_write(struct client *c, int fd, const char *data, size_t len)
{
    while (len && !client_is_gone(c)) {
        ssize_t n = write(fd, data, len);
        if (n > 0) {
            data += n;
            len -= (size_t)n;
            continue;
        }
        if (n < 0 && errno != EAGAIN && errno != EINTR)
            return;
        struct pollfd p = {.fd = fd, .events = POLLOUT};
        if (n < 0 && errno == EAGAIN && poll(&p, 1, c->idle_timeout * 1000) == 0)
            return;
    }
}

void client_say(struct client *c, const char *text)
{
    client_write(c, c->out, text, strlen(text));
}

void client_send(struct client *c, const void *bytes, size_t len)
{
    client_write(c, c->out, bytes, len);
}

static void client_message(struct client *c, int fd, const char *text)
{
    struct buffer line = {0};

    answer_print_message(text, &line);
    client_write(c, fd, line.data, line.len);
    buffer_free(&line);
}

void client_complain(struct client *c, const char *text)
{
    if (c->shows_one && c->out != c->err)
        client_message(c, c->out, text);
    client_message(c, c->err, text);
}

int client_lost(struct error *err)
{
    return error_set(err, EXIT_FAILED, "the connection to the client was lost");
}

int client_silent(const struct client *c, struct error *err)
{
    return error_set(err, EXIT_FAILED, "no data received for %d seconds (key idle-timeout)",
                     c->idle_timeout);
}

/* Returns 1 when there is something to read (or the end of input), -1 with the error set. */
static int client_wait(struct client *c, struct error *err)
{
    for (;;) {
        double left = c->heard + c->idle_timeout - io_now();
        struct pollfd p[2] = {{.fd = c->in, .events = POLLIN}, {.fd = c->out}};
        if (left <= 0)
            return client_silent(c, err);
        int n = poll(p, 2, (int)(left * 1000) + 1);
        if (n < 0 && errno != EINTR)
            return error_errno(err, "cannot wait for the client");
        if (n > 0 && p[0].revents)
            return 1;
        if (n > 0 && client_is_gone(c))
            return client_lost(err);
    }
}

/* Reads up to size bytes. Returns the count, 0 at a real end of input, -1 with the error set. */
static ssize_t client_read(struct client *c, void *buf, size_t size, struct error *err)
{
    for (;;) {
        if (client_wait(c, err) < 0)
            return -1;
        ssize_t n = read(c->in, buf, size);
        if (n > 0) {
            c->heard = io_now();
            return n;
        }
        if (n == 0) {
            return client_is_gone_at_end(c) ? client_lost(err) : 0;
        }
        if (errno != EAGAIN && errno != EINTR)
            return error_errno(err, "cannot read from the client");
    }
}

int client_read_ahead(struct client *c, struct error *err)
{
    char piece[4096];
    ssize_t n = client_read(c, piece, sizeof piece, err);

    if (n > 0)
        buffer_add(&c->ahead, piece, (size_t)n);
    return (int)n;
}

uint64_t client_pending(const struct client *c)
{
    return c->ahead.len + io_pending(c->in);
}

int client_receive(struct client *c, uint64_t len, const struct client_taker *taker,
                   struct error *err)
{
    char piece[65536];
    size_t now = c->ahead.len < len ? c->ahead.len : (size_t)len;

    if (now && taker && taker->take(taker->data, c->ahead.data, now, err))
        return -1;
    if (now)
        buffer_drop(&c->ahead, now);
    c->heard = io_now(); /* the time until now was not the client's */
    for (len -= now; len;) {
        ssize_t n = client_read(c, piece, len < sizeof piece ? (size_t)len : sizeof piece, err);
        if (n < 0)
            return -1;
        if (n == 0)
            return error_set(err, EXIT_FAILED, "input ended %llu byte%s short",
                             (unsigned long long)len, len == 1 ? "" : "s");
        if (taker && taker->take(taker->data, piece, (size_t)n, err))
            return -1;
        len -= (uint64_t)n;
    }
    return 0;
}
