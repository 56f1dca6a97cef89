/* SPDX-License-Identifier: Apache-2.0 */
#include "host/remote/ssh_run.h"

#include "base/io.h"
#include "base/spawn.h"
#include "host/remote/interrupt.h"
#include "host/remote/rate_limit.h"
#include "host/remote/reach.h"
#include "host/remote/ssh_gate.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define SSH_RUN_KILL_SECONDS 5
#define SSH_RUN_KILL_LOOK_MS 10
#define SSH_RUN_LOST_SECONDS 1
/* More than any server allows: what is late then is on this side. */
#define SSH_RUN_LOGIN_SECONDS 300

/* Ours and ssh's ends of its three streams. */
struct ssh_run_pipes {
    int ends[3][2];
};

static int ssh_run_make_pipes(struct ssh_run_pipes *p, struct error *err)
{
    for (int i = 0; i < 3; i++)
        p->ends[i][0] = p->ends[i][1] = -1;
    for (int i = 0; i < 3; i++)
        if (io_pipe(p->ends[i]))
            return error_errno(err, "cannot create a pipe");
    return 0;
}

static pid_t ssh_run_spawn(const struct ssh_run *r, const struct ssh_call *call,
                           const struct ssh_run_pipes *p, struct error *err)
{
    struct argv argv = {0};

    ssh_command_arguments(call, &argv);
    struct spawn s = {.program = argv.word[0],
                      .argv = argv.word,
                      .fds = {p->ends[0][0], p->ends[1][1], p->ends[2][1]},
                      .fd_count = 3,
                      .extra_env = r->askpass.environment,
                      .die_with_parent = call->tied};
    pid_t pid = spawn_start(&s, err);
    argv_free(&argv);
    return pid;
}

static void ssh_run_take(struct ssh_run *r, int stream, const char *bytes, size_t len)
{
    struct buffer *text = &r->text[stream];

    r->heard += len;
    buffer_add(text, bytes, len);
    if (text->len > 2 * SSH_RUN_TEXT_MAX)
        buffer_drop(text, text->len - SSH_RUN_TEXT_MAX);
    if (r->hear)
        r->hear(r->hear_data, stream, bytes, len);
}

static void ssh_run_decode(struct ssh_run *r, const char *bytes, size_t len)
{
    struct buffer text = {0};

    r->decode(r->decode_data, bytes, len, &text);
    if (text.len)
        ssh_run_take(r, 0, text.data, text.len);
    buffer_free(&text);
}

static void ssh_run_pass_on(struct ssh_run *r, int stream, const char *bytes, size_t len)
{
    if (stream == 0 && r->decode)
        ssh_run_decode(r, bytes, len);
    else
        ssh_run_take(r, stream, bytes, len);
}

static void ssh_run_hear(struct ssh_run *r, int stream)
{
    char data[4096];
    ssize_t n = read(r->out[stream], data, sizeof data);

    if (n < 0 && (errno == EINTR || errno == EAGAIN))
        return;
    if (n <= 0) {
        io_close(&r->out[stream]);
        return;
    }
    ssh_run_pass_on(r, stream, data, (size_t)n);
}

/* Who hears the run hears nothing of this, but all that comes after it. */
static int ssh_run_pass_gate(struct ssh_run *r, const struct ssh_call *call, struct error *err)
{
    struct ssh_run hears = *r;
    struct buffer early[2];

    r->hear = NULL;
    r->decode = NULL;
    int rc = ssh_gate_pass(r, call->gate, reach_end(call->reach, 0), err);
    r->hear = hears.hear;
    r->decode = hears.decode;
    if (rc) {
        ssh_run_end(r, true);
        return -1;
    }
    for (int i = 0; i < 2; i++) {
        early[i] = r->text[i];
        r->text[i] = (struct buffer){0};
        if (early[i].len)
            ssh_run_pass_on(r, i, early[i].data, early[i].len);
        buffer_free(&early[i]);
    }
    return 0;
}

int ssh_run_start(struct ssh_run *r, const struct ssh_call *call, struct error *err)
{
    struct ssh_run_pipes p;

    *r = (struct ssh_run){.pid = -1,
                          .in = -1,
                          .out = {-1, -1},
                          .askpass = {.fd = -1},
                          .began = io_now(),
                          .rate = call->reach->rate,
                          .rate_all = call->reach->rate_all,
                          .over = call->over,
                          .hear = r->hear,
                          .hear_data = r->hear_data,
                          .decode = r->decode,
                          .decode_data = r->decode_data};
    if (ssh_askpass_open(&r->askpass, call, err))
        return -1;
    if (!ssh_run_make_pipes(&p, err))
        r->pid = ssh_run_spawn(r, call, &p, err);
    if (r->pid >= 0) {
        io_set_nonblocking(p.ends[0][1]);
        r->in = p.ends[0][1];
        r->out[0] = p.ends[1][0];
        r->out[1] = p.ends[2][0];
        p.ends[0][1] = p.ends[1][0] = p.ends[2][0] = -1;
    }
    for (int i = 0; i < 3; i++) {
        io_close(&p.ends[i][0]);
        io_close(&p.ends[i][1]);
    }
    if (r->pid < 0)
        return -1;
    return call->gate ? ssh_run_pass_gate(r, call, err) : 0;
}

/* The timeout for poll(2), in milliseconds. */
static int ssh_run_patience(double until)
{
    double left = (until - io_now()) * 1000;

    return until <= 0 ? -1 : left <= 0 ? 0 : (int)left + 1;
}

/* Seconds until the next bytes may be written. */
static double ssh_run_held(const struct ssh_run *r)
{
    double one = rate_limit_wait(r->rate), all = rate_limit_wait(r->rate_all);

    return one > all ? one : all;
}

ssize_t ssh_run_write(struct ssh_run *r, const void *bytes, size_t len, struct error *err)
{
    size_t piece = rate_limit_piece(r->rate_all, rate_limit_piece(r->rate, len));
    ssize_t n = write(r->in, bytes, piece);

    if (n > 0) {
        rate_limit_take(r->rate, (size_t)n);
        rate_limit_take(r->rate_all, (size_t)n);
        r->fed += (uint64_t)n;
        return n;
    }
    if (n < 0 && errno == EPIPE)
        ssh_run_close_input(r); /* ssh has exited; its messages and status show why */
    else if (n < 0 && errno != EAGAIN && errno != EINTR)
        return error_errno(err, "cannot pass the firmware to ssh");
    return 0;
}

/* ssh reads its input once it has logged in. Without an input, nobody can tell. */
static bool ssh_run_is_in(struct ssh_run *r)
{
    int unread;

    if (!r->is_in)
        r->is_in = r->in < 0 || r->text[0].len || ioctl(r->in, FIONREAD, &unread) ||
                   r->fed > (uint64_t)unread;
    return r->is_in;
}

static double ssh_run_deadline(struct ssh_run *r, double until)
{
    double login = r->began + SSH_RUN_LOGIN_SECONDS;

    return ssh_run_is_in(r) || (until > 0 && until < login) ? until : login;
}

/* The caller's time is up, or that for the login. */
static int ssh_run_give_up(struct ssh_run *r, bool callers, struct error *err)
{
    if (!callers)
        return error_set(err, EXIT_ACCESS,
                         "ssh has not logged in within %d s, and nothing was sent: its agent "
                         "(SSH_AUTH_SOCK), or who should answer its question, does not answer",
                         SSH_RUN_LOGIN_SECONDS);
    r->late = true;
    return SSH_RUN_LATE;
}

static int ssh_run_hear_all(struct ssh_run *r, const struct pollfd *p, struct error *err)
{
    for (int i = 0; i < 2; i++)
        if (p[i].revents)
            ssh_run_hear(r, i);
    if (r->heard > SSH_RUN_HEARD_MAX)
        return error_set(err, EXIT_FAILED,
                         "the device sent more than %u MB of text, so the connection was closed; "
                         "check what it runs",
                         SSH_RUN_HEARD_MAX >> 20);
    return p[2].revents ? SSH_RUN_WRITABLE : SSH_RUN_HEARD;
}

int ssh_run_next(struct ssh_run *r, bool writes, double until, struct error *err)
{
    for (;;) {
        double end = ssh_run_deadline(r, until);
        double held = writes ? ssh_run_held(r) : 0;
        struct pollfd p[3] = {{.fd = r->out[0], .events = POLLIN},
                              {.fd = r->out[1], .events = POLLIN},
                              {.fd = writes && held <= 0 ? r->in : -1, .events = POLLOUT}};
        bool early = held > 0 && (end <= 0 || io_now() + held < end);
        if (r->out[0] < 0 && r->out[1] < 0)
            return SSH_RUN_ENDED;
        int n = interrupt_poll(p, 3, ssh_run_patience(early ? io_now() + held : end));
        if (n < 0 && errno != EINTR)
            return error_errno(err, "cannot wait for ssh");
        if (interrupt_came()) {
            r->interrupted = true;
            return SSH_RUN_INTERRUPTED;
        }
        if (n > 0)
            return ssh_run_hear_all(r, p, err);
        if (n == 0 && !early && ssh_run_deadline(r, until) == end)
            return ssh_run_give_up(r, end == until, err);
    }
}

bool ssh_run_has_answered(const struct ssh_run *r)
{
    struct pollfd p = {.fd = r->out[0], .events = POLLIN};

    return r->out[0] < 0 || r->text[0].len || poll(&p, 1, 0) != 0;
}

int ssh_run_await(struct ssh_run *r, bool (*found)(const char *text), double until,
                  struct error *err)
{
    int event = SSH_RUN_HEARD;

    while (event == SSH_RUN_HEARD && !(found && found(buffer_text(&r->text[0]))))
        event = ssh_run_next(r, false, until, err);
    return event;
}

void ssh_run_say(struct ssh_run *r, const char *text)
{
    if (io_write_all(r->in, text, strlen(text)))
        ssh_run_close_input(r); /* ssh has exited; its messages and status show why */
    else
        r->fed += strlen(text);
}

bool ssh_run_has_taken_all(const struct ssh_run *r)
{
    int unread;

    return r->in >= 0 && r->fed && !ioctl(r->in, FIONREAD, &unread) && !unread;
}

void ssh_run_close_input(struct ssh_run *r)
{
    io_close(&r->in);
}

/* A program around ssh may ignore the first signal. */
static void ssh_run_kill(pid_t pid)
{
    double end = io_now() + SSH_RUN_KILL_SECONDS;

    kill(pid, SIGTERM);
    while (!spawn_has_ended(pid) && io_now() < end)
        (void)poll(NULL, 0, SSH_RUN_KILL_LOOK_MS);
    kill(pid, SIGKILL);
}

/* It may end a moment before the one whose connection it shared. Only that one knows why. */
static bool ssh_run_is_lost(const struct ssh_run *r)
{
    double end = io_now() + SSH_RUN_LOST_SECONDS;

    if (!r->over || !WIFEXITED(r->wait_status) || WEXITSTATUS(r->wait_status) != SSH_FAILED)
        return false;
    while (r->over->pid >= 0 && !spawn_has_ended(r->over->pid) && io_now() < end)
        (void)poll(NULL, 0, SSH_RUN_KILL_LOOK_MS);
    return r->over->pid < 0 || spawn_has_ended(r->over->pid);
}

void ssh_run_end(struct ssh_run *r, bool kill_it)
{
    if (r->pid < 0)
        return;
    io_close(&r->in);
    if (kill_it)
        ssh_run_kill(r->pid);
    r->wait_status = spawn_wait(r->pid);
    r->lost = !kill_it && ssh_run_is_lost(r);
    r->ended = io_now();
    r->pid = -1;
}

void ssh_run_free(struct ssh_run *r)
{
    for (int i = 0; i < 2; i++) {
        io_close(&r->out[i]);
        buffer_free(&r->text[i]);
    }
    ssh_askpass_close(&r->askpass);
}
