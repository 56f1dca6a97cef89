/* SPDX-License-Identifier: Apache-2.0 */
#include "base/run.h"

#include "base/io.h"
#include "base/memory.h"
#include "base/spawn.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* Polling interval for a program that has closed its output and is still running. */
#define RUN_FIRST_LOOK_MS 1
#define RUN_LAST_LOOK_MS 50
/* Until it is asked again whether a program that is late may be killed. */
#define RUN_MERCY_SECONDS 1
/* For what a detached program has left behind, to print its last words: a tee, for example. */
#define RUN_REST_SECONDS 1
#define RUN_DESCRIBE_MAX 300

static_assert(RUN_FDS_MAX + 3 == SPAWN_FDS, "spawn.h has another limit");

/* A running program. */
struct run_child {
    const struct run *run;
    struct run_result *result;
    pid_t pid;
    int in, out; /* our ends, -1 when closed */
    size_t sent;
    double end;
    double rest; /* it has exited, and its output is read until then; 0: not yet */
};

/* The timeout for poll(2): the milliseconds left, but no more than most (-1: no limit). */
static int run_patience(const struct run_child *c, int most)
{
    if (!c->run->seconds)
        return most;
    double left = (c->end - io_now()) * 1000;
    if (left <= 0)
        return 0;
    return most >= 0 && left > most ? most : (int)left + 1;
}

static bool run_is_late(struct run_child *c)
{
    if (!c->run->seconds || c->rest > 0 || io_now() < c->end)
        return false;
    if (!c->run->may_kill || c->run->may_kill(c->run->may_kill_data))
        return true;
    c->end = io_now() + RUN_MERCY_SECONDS;
    return false;
}

/* Whether only others, which it has left behind, hold its output open. */
static bool run_is_left(struct run_child *c)
{
    if (c->rest == 0 && c->run->detached && spawn_has_ended(c->pid))
        c->rest = io_now() + RUN_REST_SECONDS;
    return c->rest > 0 && io_now() >= c->rest;
}

static void run_feed(struct run_child *c)
{
    ssize_t n = write(c->in, (const char *)c->run->input + c->sent, c->run->input_size - c->sent);

    if (n > 0)
        c->sent += (size_t)n;
    if (c->sent == c->run->input_size || (n < 0 && errno != EAGAIN && errno != EINTR))
        io_close(&c->in); /* all has been written, or it reads no more */
}

static void run_hear(struct run_child *c)
{
    char piece[4096];
    ssize_t n = read(c->out, piece, sizeof piece);
    size_t room = c->run->keep - c->result->text.len;

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) {
        io_close(&c->out);
        return;
    }
    c->result->truncated = c->result->truncated || (size_t)n > room;
    buffer_add(&c->result->text, piece, (size_t)n < room ? (size_t)n : room);
}

/* Feeds it and reads from it until it has closed its output, or its time is up. */
static void run_converse(struct run_child *c)
{
    int most = c->run->detached ? RUN_LAST_LOOK_MS : -1;

    while (c->out >= 0 && !run_is_left(c) && !run_is_late(c)) {
        struct pollfd p[2] = {{.fd = c->out, .events = POLLIN}, {.fd = c->in, .events = POLLOUT}};
        if (poll(p, 2, run_patience(c, most)) <= 0)
            continue;
        if (p[0].revents)
            run_hear(c);
        if (p[1].revents)
            run_feed(c);
    }
}

/* It may have closed its output and keep running, or read its input only now. */
static void run_await(struct run_child *c)
{
    for (int look = RUN_FIRST_LOOK_MS; !run_is_late(c);
         look = look < RUN_LAST_LOOK_MS ? look * 2 : look) {
        struct pollfd p = {.fd = c->in, .events = POLLOUT};
        if (waitpid(c->pid, &c->result->status, WNOHANG) == c->pid)
            return;
        if (poll(&p, 1, run_patience(c, look)) > 0)
            run_feed(c);
    }
    c->result->timed_out = true;
    kill(c->run->detached ? -c->pid : c->pid, SIGKILL);
    c->result->status = spawn_wait(c->pid);
}

static int run_end_of(enum run_output where, int kept, int ours)
{
    return where == RUN_KEEP ? kept : where == RUN_PASS ? ours : -1;
}

static pid_t run_start(const struct run *r, int in, int out, struct error *err)
{
    struct spawn s = {.program = r->argv && r->argv[0] ? r->argv[0] : "",
                      .argv = r->argv,
                      .fds = {in, run_end_of(r->output, out, STDOUT_FILENO),
                              run_end_of(r->errors, out, STDERR_FILENO)},
                      .fd_count = 3,
                      .extra_env = r->env,
                      .new_group = r->detached,
                      .die_with_parent = r->detached,
                      .in_child = r->in_child,
                      .in_child_data = r->in_child_data};

    if (r->fd_count > RUN_FDS_MAX)
        return error_set(err, EXIT_FAILED, "too many descriptors for %s", s.program);
    for (size_t i = 0; i < r->fd_count; i++)
        s.fds[s.fd_count++] = r->fds[i];
    if (!*s.program)
        return error_set(err, EXIT_FAILED, "no program to run: the command is empty");
    return spawn_start(&s, err);
}

int run_program(const struct run *r, struct run_result *result, struct error *err)
{
    struct run_child c = {.run = r, .result = result, .pid = -1, .in = -1, .out = -1};
    int in[2] = {-1, -1}, out[2] = {-1, -1}, rc = -1;

    *result = (struct run_result){0};
    if ((r->input && io_pipe(in)) || io_pipe(out)) {
        error_errno(err, "cannot create a pipe");
        goto cleanup;
    }
    c.pid = run_start(r, in[0], out[1], err);
    io_close(&in[0]);
    io_close(&out[1]);
    if (c.pid < 0)
        goto cleanup;
    io_set_nonblocking(in[1]);
    c.in = in[1];
    c.out = out[0];
    c.end = io_now() + r->seconds;
    in[1] = out[0] = -1;
    run_converse(&c);
    run_await(&c);
    if (r->detached)
        kill(-c.pid, SIGKILL);
    rc = 0;
cleanup:
    io_close(&c.in);
    io_close(&c.out);
    for (int i = 0; i < 2; i++) {
        io_close(&in[i]);
        io_close(&out[i]);
    }
    return rc;
}

void run_free(struct run_result *result)
{
    buffer_free(&result->text);
}

bool run_succeeded(const struct run_result *result)
{
    return !result->timed_out && WIFEXITED(result->status) && WEXITSTATUS(result->status) == 0;
}

char *run_describe_end(const struct run *r, const struct run_result *result)
{
    char how[80];

    if (result->timed_out)
        return memory_printf("was killed after %d second%s", r->seconds,
                             r->seconds == 1 ? "" : "s");
    spawn_describe(result->status, how, sizeof how);
    return memory_text(how);
}

int run_expect(const struct run *r, const char *what, struct run_result *result, struct error *err)
{
    if (run_program(r, result, err))
        return -1;
    if (run_succeeded(result))
        return 0;
    /* Only if its errors are among the text: what it prints otherwise may be a secret. */
    const char *text = r->errors == RUN_KEEP ? buffer_text(&result->text) : "";
    int len = (int)strcspn(text, "\r\n");
    char *how = run_describe_end(r, result);

    if (len > RUN_DESCRIBE_MAX)
        len = RUN_DESCRIBE_MAX;
    error_set(err, EXIT_FAILED, "%s %s%s%.*s", what, how, len ? ": " : "", len, text);
    free(how);
    return -1;
}
