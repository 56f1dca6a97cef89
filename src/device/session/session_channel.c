/* SPDX-License-Identifier: Apache-2.0 */
#include "base/io.h"
#include "base/log.h"
#include "device/monitor/record.h"
#include "device/session/session.h"
#include "wire/subsystem.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>

/* How long to wait for the listener, which answers from its event loop. */
#define CHANNEL_ANSWER_MS 10000
/* How long the client may take to close its side. */
#define CHANNEL_FAREWELL_SECONDS 3
#define CHANNEL_REFUSED_STATUS EXIT_USAGE

/* The texts of the nerves_firmware_ssh server (PROTOCOL.md, "Transport"). */
static const char shell_text[] =
    "Interactive login unsupported. Use the nerves_firmware_ssh subsystem.\n";
static const char exec_text[] = "Command execution unsupported.\n";

static int channel_data(ssh_session ssh, ssh_channel ch, void *data, uint32_t len, int is_stderr,
                        void *user)
{
    struct session *s = user;

    (void)ssh;
    (void)ch;
    /* Without an update, or after its end, input is discarded. */
    if (is_stderr || !s->channel.running)
        return (int)len;
    return relay_take(&s->channel.relay, data, len);
}

static void channel_eof(ssh_session ssh, ssh_channel ch, void *user)
{
    struct session *s = user;

    (void)ssh;
    (void)ch;
    s->channel.eof = true;
    s->channel.relay.eof = true;
}

static void channel_close(ssh_session ssh, ssh_channel ch, void *user)
{
    struct session *s = user;

    (void)ssh;
    (void)ch;
    s->channel.closed = true;
}

static bool channel_is_busy(const struct session_channel *c)
{
    return c->running || c->answer || c->ended;
}

/* The listener does not want this connection. */
static void channel_leave(struct session *s, const char *why)
{
    snprintf(s->goodbye, sizeof s->goodbye, "%.*s", (int)sizeof s->goodbye - 1, why);
    s->hung_up = true;
}

/* In nerves_firmware_ssh also on standard output (PROTOCOL.md, "Messages"). */
static void channel_tell(struct session_channel *c, const char *subsystem, const struct record *r)
{
    snprintf(c->last_words, sizeof c->last_words, "fwssh: %.*s\n", (int)sizeof c->last_words - 16,
             r->text);
    c->answer = strcmp(subsystem, SUBSYSTEM_NERVES) ? NULL : c->last_words;
    c->status = r->value;
    c->ended = true;
}

/* Returns 0 if an update has started, 1 if the client is told why not, -1 if it was refused.
 * Waits for the listener's answer; the listener never waits for a session. */
static int channel_ask(struct session *s, const char *name, int *fds)
{
    struct pollfd p = {.fd = s->listener, .events = POLLIN};
    struct record r;

    if (s->hung_up)
        return 1; /* it has been told to leave, and gets no answer any more */
    if (record_send(s->listener, RECORD_SUBSYSTEM, 0, name, NULL) ||
        poll(&p, 1, CHANNEL_ANSWER_MS) <= 0 || record_receive(s->listener, &r, fds) <= 0)
        return -1;
    if (r.type == RECORD_ACCEPTED && fds[0] >= 0 && fds[1] > fds[0] && fds[2] > fds[1])
        return 0;
    for (int i = 0; i < RECORD_FDS; i++)
        io_close(&fds[i]);
    /* With a failure of this request, the client would not wait for the reason. */
    if (r.type == RECORD_LEAVE) {
        channel_leave(s, r.text);
        return 1;
    }
    if (r.type != RECORD_REFUSED || !r.value)
        return -1;
    channel_tell(&s->channel, name, &r);
    return 1;
}

static int channel_subsystem(ssh_session ssh, ssh_channel ch, const char *name, void *user)
{
    struct session *s = user;
    struct session_channel *c = &s->channel;
    int fds[RECORD_FDS];

    (void)ssh;
    (void)ch;
    if (channel_is_busy(c))
        return SSH_ERROR;
    int rc = channel_ask(s, name, fds);
    if (rc)
        return rc < 0 ? SSH_ERROR : SSH_OK;
    relay_open(&c->relay, fds[0], fds[1], fds[2]);
    c->relay.eof = c->eof;
    c->running = true;
    c->moved_at = io_now();
    return SSH_OK;
}

/* The request is accepted, answered with the reason for the refusal, and ended with a failure
 * status. */
static int channel_answer(struct session *s, const char *text)
{
    struct session_channel *c = &s->channel;

    if (channel_is_busy(c))
        return SSH_ERROR;
    c->answer = text;
    c->status = CHANNEL_REFUSED_STATUS;
    c->ended = true;
    return SSH_OK;
}

static int channel_shell(ssh_session ssh, ssh_channel ch, void *user)
{
    (void)ssh;
    (void)ch;
    return channel_answer(user, shell_text);
}

static int channel_exec(ssh_session ssh, ssh_channel ch, const char *command, void *user)
{
    (void)ssh;
    (void)ch;
    log_info("refused to run a command: %.200s", command);
    return channel_answer(user, exec_text);
}

static int channel_pty(ssh_session ssh, ssh_channel ch, const char *term, int width, int height,
                       int pixel_width, int pixel_height, void *user)
{
    (void)ssh;
    (void)ch;
    (void)term;
    (void)width;
    (void)height;
    (void)pixel_width;
    (void)pixel_height;
    (void)user;
    return SSH_ERROR;
}

static int channel_env(ssh_session ssh, ssh_channel ch, const char *name, const char *value,
                       void *user)
{
    (void)ssh;
    (void)ch;
    (void)name;
    (void)value;
    (void)user;
    return SSH_ERROR;
}

ssh_channel session_channel_open(struct session *s)
{
    struct session_channel *c = &s->channel;

    if (c->ch)
        return NULL;
    *c = (struct session_channel){.ch = ssh_channel_new(s->ssh), .relay = {.in = -1}};
    if (!c->ch)
        return NULL;
    c->callbacks = (struct ssh_channel_callbacks_struct){
        .userdata = s,
        .channel_data_function = channel_data,
        .channel_eof_function = channel_eof,
        .channel_close_function = channel_close,
        .channel_subsystem_request_function = channel_subsystem,
        .channel_shell_request_function = channel_shell,
        .channel_exec_request_function = channel_exec,
        .channel_pty_request_function = channel_pty,
        .channel_env_request_function = channel_env,
    };
    ssh_callbacks_init(&c->callbacks);
    ssh_set_channel_callbacks(c->ch, &c->callbacks);
    return c->ch;
}

void session_channel_lose(struct session *s, const char *why)
{
    struct session_channel *c = &s->channel;

    if (!c->running)
        return;
    record_send(s->listener, RECORD_LOST, 0, why, NULL);
    relay_close(&c->relay);
    c->running = false;
}

void session_channel_listener_said(struct session *s)
{
    struct session_channel *c = &s->channel;
    int fds[RECORD_FDS];
    struct record r;
    int rc = record_receive(s->listener, &r, fds);

    for (int i = 0; i < RECORD_FDS; i++)
        io_close(&fds[i]);
    if (rc <= 0) {
        s->hung_up = true; /* the listener is gone */
    } else if (r.type == RECORD_LEAVE) {
        channel_leave(s, r.text);
    } else if (r.type == RECORD_ENDED && c->running) {
        c->ended = true;
        c->status = r.value;
        snprintf(c->last_words, sizeof c->last_words, "%.*s", (int)sizeof c->last_words - 1,
                 r.text);
    }
}

/* EOF, exit status, close: the order of the nerves_firmware_ssh server. */
static void channel_farewell(struct session *s, double now)
{
    struct session_channel *c = &s->channel;

    if (c->answer)
        ssh_channel_write(c->ch, c->answer, (uint32_t)strlen(c->answer));
    if (*c->last_words)
        ssh_channel_write_stderr(c->ch, c->last_words, (uint32_t)strlen(c->last_words));
    if (!c->closed) {
        ssh_channel_send_eof(c->ch);
        ssh_channel_request_send_exit_status(c->ch, (int)c->status);
        ssh_channel_close(c->ch);
    }
    if (c->running)
        relay_close(&c->relay);
    c->running = false;
    c->farewell = true;
    c->farewell_at = now;
}

/*
 * Both sides have closed the channel, or the client failed to in time: another one may be opened.
 */
static void channel_forget(struct session *s, double now)
{
    struct session_channel *c = &s->channel;

    record_send(s->listener, RECORD_CLOSED, 0, NULL, NULL);
    ssh_remove_channel_callbacks(c->ch, &c->callbacks);
    ssh_channel_free(c->ch);
    *c = (struct session_channel){.relay = {.in = -1}};
    s->quiet_since = now;
}

/* A client that violates the protocol does not get another channel. */
static void channel_break(struct session *s, const char *why)
{
    session_channel_lose(s, why);
    s->hung_up = true;
}

void session_channel_step(struct session *s, double now)
{
    struct session_channel *c = &s->channel;

    if (!c->ch)
        return;
    if (c->running) {
        if (relay_input_is_done(&c->relay, c->ch)) {
            /* Announced before the pipe is closed, so that a crash cannot be mistaken for the end
             * of input. */
            if (!c->relay.sink_dead)
                record_send(s->listener, RECORD_INPUT_ENDED, 0, NULL, NULL);
            io_close(&c->relay.in);
        }
        if (c->relay.moved)
            c->moved_at = now;
        c->relay.moved = false;
        if (c->closed && !c->eof)
            session_channel_lose(s, "the client closed the channel before the end of its input");
        else if (relay_waits_for_client(&c->relay) && now - c->moved_at > s->brief.idle_seconds)
            channel_break(s, "the client does not read its output (idle-timeout)");
        else if (relay_is_overrun(&c->relay, c->ch))
            channel_break(s, "the client exceeded the channel window");
    }
    if (c->ended && !c->farewell && (!c->running || relay_is_drained(&c->relay)))
        channel_farewell(s, now);
    bool finished = c->farewell && (c->closed || now - c->farewell_at > CHANNEL_FAREWELL_SECONDS);
    bool unused = c->closed && !c->running && !c->ended;
    if (finished || unused)
        channel_forget(s, now);
}
