/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/hold/hold_link.h"

#include "base/io.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

#define LINK_PIECE 65536
/* A record, and what may come right after it. */
#define LINK_GOT_MAX (ASSEMBLY_HEAD + ASSEMBLY_BODY_MAX + LINK_PIECE)
/* More text of the updater is not read while so much waits to be written. */
#define LINK_QUEUE_MAX (256u << 10)
#define LINK_TEXT_PIECE 16384
#define LINK_LOOK 1.0 /* seconds between two looks at the times */

void hold_link_open(struct hold_link *l, int idle_timeout)
{
    *l = (struct hold_link){.in = HOLD_FD_IN,
                            .out = HOLD_FD_OUT,
                            .feed = HOLD_FD_FEED,
                            .text = HOLD_FD_TEXT,
                            .word = HOLD_FD_WORD,
                            .exact = true,
                            .host_needed = true,
                            .idle_timeout = idle_timeout,
                            .heard = io_now()};
    io_set_nonblocking(l->in);
    io_set_nonblocking(l->out);
    io_set_nonblocking(l->feed);
    io_set_nonblocking(l->text);
}

void hold_link_close(struct hold_link *l)
{
    io_close(&l->feed);
    io_close(&l->text);
    io_close(&l->word);
    buffer_free(&l->got);
    buffer_free(&l->taken);
    buffer_free(&l->queue);
    hold_text_close(&l->bar);
}

int hold_link_bad(struct error *err, const char *what)
{
    return error_set(err, EXIT_USAGE, "%s: this is no record of fwssh; nothing was activated",
                     what);
}

static int link_lost(struct hold_link *l, struct error *err)
{
    l->host_gone = true;
    l->queue.len = 0;
    return l->host_needed ? error_set(err, EXIT_FAILED, "the connection to the client was lost")
                          : 0;
}

/* Bytes up to the end of the record that is coming. None after the last one: "whole" is followed by
 * the archive. */
static size_t link_room(const struct hold_link *l)
{
    struct assembly_record record;
    size_t at = 0;

    while (assembly_next(buffer_text(&l->got) + at, l->got.len - at, &record) > 0) {
        if (record.type == ASSEMBLY_WHOLE || l->got.len > LINK_GOT_MAX)
            return 0;
        at += ASSEMBLY_HEAD + record.body.len;
    }
    return assembly_missing(buffer_text(&l->got) + at, l->got.len - at);
}

static int link_read(struct hold_link *l, struct error *err)
{
    char piece[LINK_PIECE];
    size_t room = l->exact ? link_room(l) : sizeof piece;
    ssize_t n = read(l->in, piece, room < sizeof piece ? room : sizeof piece);

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return 0;
    if (n <= 0) {
        l->in = -1;
        return l->host_needed ? link_lost(l, err) : 0;
    }
    l->heard = io_now();
    buffer_add(&l->got, piece, (size_t)n);
    return 0;
}

static int link_write(struct hold_link *l, struct error *err)
{
    ssize_t n = write(l->out, l->queue.data, l->queue.len);

    if (n > 0)
        buffer_drop(&l->queue, (size_t)n);
    if (n < 0 && errno != EAGAIN && errno != EINTR)
        return link_lost(l, err);
    return 0;
}

static void link_say_text(struct hold_link *l, const struct buffer *text)
{
    if (l->host_gone || !text->len)
        return;
    size_t place = assembly_begin(&l->queue, ASSEMBLY_TEXT);
    buffer_add(&l->queue, text->data, text->len);
    assembly_end(&l->queue, place);
}

static void link_relay(struct hold_link *l)
{
    char piece[LINK_TEXT_PIECE];
    ssize_t n = read(l->text, piece, sizeof piece);
    struct buffer text = {0};

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n > 0) {
        hold_text_add(&l->bar, piece, (size_t)n, io_now(), &text);
    } else {
        hold_text_look(&l->bar, io_now(), true, &text);
        io_close(&l->text);
    }
    link_say_text(l, &text);
    buffer_free(&text);
}

/* A bar that nothing has followed for a while. */
static void link_look_at_bar(struct hold_link *l)
{
    struct buffer text = {0};

    hold_text_look(&l->bar, io_now(), false, &text);
    link_say_text(l, &text);
    buffer_free(&text);
}

static int link_check_time(struct hold_link *l, bool owed, struct error *err)
{
    double now = io_now();

    if (!owed || !l->host_needed) {
        l->heard = now;
        return 0;
    }
    return now < l->heard + l->idle_timeout
               ? 0
               : error_set(err, EXIT_FAILED, "no data received for %d seconds (key idle-timeout)",
                           l->idle_timeout);
}

enum { LINK_IN, LINK_OUT, LINK_TEXT, LINK_FEED, LINK_COUNT };

static void link_prepare(const struct hold_link *l, bool feeds, struct pollfd p[LINK_COUNT])
{
    bool reads = !l->host_gone && l->host_needed &&
                 (l->exact ? link_room(l) > 0 : l->got.len < LINK_GOT_MAX);

    p[LINK_IN] = (struct pollfd){.fd = reads ? l->in : -1, .events = POLLIN};
    p[LINK_OUT] =
        (struct pollfd){.fd = l->host_gone ? -1 : l->out, .events = l->queue.len ? POLLOUT : 0};
    p[LINK_TEXT] =
        (struct pollfd){.fd = l->queue.len < LINK_QUEUE_MAX ? l->text : -1, .events = POLLIN};
    p[LINK_FEED] = (struct pollfd){.fd = l->feed, .events = feeds ? POLLOUT : 0};
}

int hold_link_serve(struct hold_link *l, bool owed, bool feeds, double until,
                    struct hold_event *event, struct error *err)
{
    struct pollfd p[LINK_COUNT];
    double left = until - io_now();

    *event = (struct hold_event){0};
    link_look_at_bar(l);
    link_prepare(l, feeds, p);
    if (left > LINK_LOOK)
        left = LINK_LOOK;
    int n = poll(p, LINK_COUNT, left > 0 ? (int)(left * 1000) + 1 : 0);
    if (n < 0 && errno != EINTR)
        return error_errno(err, "cannot wait for the host");
    if (n <= 0)
        return link_check_time(l, owed, err);
    if (p[LINK_TEXT].revents)
        link_relay(l);
    if (p[LINK_IN].revents && link_read(l, err))
        return -1;
    if (p[LINK_OUT].revents & (POLLERR | POLLHUP) && !l->host_gone && link_lost(l, err))
        return -1;
    if (p[LINK_OUT].revents & POLLOUT && !l->host_gone && link_write(l, err))
        return -1;
    event->feedable = p[LINK_FEED].revents & POLLOUT;
    event->deaf = p[LINK_FEED].revents & POLLERR;
    return link_check_time(l, owed, err);
}

int hold_link_take(struct hold_link *l, struct assembly_record *record, struct error *err)
{
    int found = assembly_next(buffer_text(&l->got), l->got.len, record);

    if (found < 0)
        return hold_link_bad(err, "a record is too long");
    if (!found)
        return 0;
    /* What comes while it is being worked on may move the other ones. */
    size_t len = record->body.len;
    buffer_clear(&l->taken);
    buffer_add(&l->taken, record->body.bytes, len);
    buffer_drop(&l->got, ASSEMBLY_HEAD + len);
    record->body.bytes = (const uint8_t *)l->taken.data;
    return 1;
}

bool hold_link_has(const struct hold_link *l, enum assembly_type type)
{
    struct assembly_record record;

    for (size_t at = 0; assembly_next(buffer_text(&l->got) + at, l->got.len - at, &record) > 0;
         at += ASSEMBLY_HEAD + record.body.len)
        if (record.type == type)
            return true;
    return false;
}

int hold_link_await(struct hold_link *l, struct assembly_record *record, struct error *err)
{
    struct hold_event event;
    int found;

    while (!(found = hold_link_take(l, record, err)))
        if (hold_link_serve(l, true, false, io_now() + LINK_LOOK, &event, err))
            return -1;
    return found < 0 ? -1 : 0;
}

ssize_t hold_link_feed(struct hold_link *l, const void *bytes, size_t len)
{
    ssize_t n = write(l->feed, bytes, len);

    if (n >= 0)
        return n;
    return errno == EAGAIN || errno == EINTR ? 0 : -1;
}

void hold_link_say(struct hold_link *l, const struct hold_word *word)
{
    struct buffer line = {0};

    hold_word_print(word, &line);
    (void)io_write_all(l->word, line.data, line.len);
    buffer_free(&line);
}

void hold_link_finish(struct hold_link *l)
{
    struct hold_event event;
    struct error ignored;

    l->host_needed = false;
    for (double end = io_now() + l->idle_timeout;
         (l->text >= 0 || (l->queue.len && !l->host_gone)) && (l->text >= 0 || io_now() < end);)
        if (hold_link_serve(l, false, false, io_now() + LINK_LOOK, &event, &ignored))
            return;
}
