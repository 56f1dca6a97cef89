#include "base/io.h"
#include "base/log.h"
#include "base/spawn.h"
#include "listen/listener.h"
#include "receive/subsystem.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define UPDATE_ARGS_MAX 512
#define UPDATE_RESULT_FD 3

/* The pipes between a session and fwssh-receive, and the result socket. [0] is read, [1] is
 * written. */
struct update_pipes {
    int in[2], out[2], err[2], result[2];
};

static int update_make_pipes(struct update_pipes *p)
{
    *p = (struct update_pipes){{-1, -1}, {-1, -1}, {-1, -1}, {-1, -1}};
    if (pipe2(p->in, O_CLOEXEC) || pipe2(p->out, O_CLOEXEC) || pipe2(p->err, O_CLOEXEC) ||
        socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, p->result))
        return -1;
    /* Fewer wake-ups; without it everything works, too. */
    (void)fcntl(p->in[1], F_SETPIPE_SZ, 1 << 20);
    return 0;
}

static void update_close_pipes(struct update_pipes *p)
{
    for (int i = 0; i < 2; i++) {
        io_close(&p->in[i]);
        io_close(&p->out[i]);
        io_close(&p->err[i]);
        io_close(&p->result[i]);
    }
}

static pid_t update_start(const struct listener *l, const char *subsystem,
                          const struct update_pipes *p, struct error *err)
{
    const char *argv[UPDATE_ARGS_MAX + 8] = {
        l->config.receive_program, "--stderr", "--result-fd", "3", "-s", subsystem};
    size_t count = 6;

    if (l->config_path) {
        argv[count++] = "-f";
        argv[count++] = l->config_path;
    }
    for (size_t i = 0; i < l->overrides.count && count + 2 < UPDATE_ARGS_MAX; i++) {
        argv[count++] = "-o";
        argv[count++] = l->overrides.item[i];
    }
    struct spawn s = {.program = l->config.receive_program,
                      .argv = (char *const *)argv,
                      .fds = {p->in[0], p->out[1], p->err[1], p->result[1]},
                      .fd_count = UPDATE_RESULT_FD + 1,
                      .new_group = true};
    return spawn_start(&s, err);
}

static void update_refuse(struct connection *c, const char *why)
{
    log_warning("%s: subsystem refused: %s", c->address, why);
    record_send(c->control, RECORD_REFUSED, 0, why, NULL);
}

void update_begin(struct listener *l, struct connection *c, const char *name)
{
    const struct subsystem *subsystem = subsystem_find(name);
    struct update_pipes p;
    struct error err;

    if (!subsystem || c->receive || l->stopping) {
        update_refuse(c, !subsystem   ? "the device does not offer it"
                         : c->receive ? "this connection has an update already"
                                      : "fwsshd is ending");
        return;
    }
    if (update_make_pipes(&p)) {
        update_refuse(c, "cannot make pipes");
        update_close_pipes(&p);
        return;
    }
    pid_t pid = update_start(l, subsystem->name, &p, &err);
    if (pid < 0) {
        update_refuse(c, err.text);
    } else {
        /* In this order: if the session dies the kernel closes the lowest number first (relay.h).
         */
        int fds[RECORD_FDS] = {p.out[0], p.err[0], p.in[1]};
        log_info("%s: update begins (subsystem %s)", c->address, subsystem->name);
        record_send(c->control, RECORD_ACCEPTED, 0, NULL, fds);
        c->receive = pid;
        c->result_fd = p.result[0];
        p.result[0] = -1;
    }
    update_close_pipes(&p);
}

void update_end(struct listener *l, struct connection *c, int status)
{
    struct result result = {.status = EXIT_FAILED, .told = 1};
    char text[700];
    int lock = -1;

    c->receive = 0;
    if (!WIFEXITED(status)) {
        spawn_describe(status, result.text, sizeof result.text);
        log_error("%s: fwssh-receive %s", c->address, result.text);
    } else if (recv(c->result_fd, text, 1, MSG_PEEK | MSG_DONTWAIT) > 0 &&
               result_receive(c->result_fd, &result, &lock) > 0) {
        result_describe(&result, text, sizeof text);
        log_at(result.status && !result.asked ? LOG_LEVEL_ERROR : LOG_LEVEL_INFO, "%s: %s",
               c->address, text);
    } else {
        result.status = (uint32_t)WEXITSTATUS(status);
        log_error("%s: fwssh-receive ended with status %u and told no result", c->address,
                  result.status);
        if (!result.status || result.status > EXIT_WIRE_MAX)
            result.status = EXIT_FAILED;
    }
    io_close(&c->result_fd);
    if (c->control >= 0)
        record_send(c->control, RECORD_ENDED, result.status, NULL, NULL);
    if (result.reboot && !result.status)
        listener_want_reboot(l, c, lock);
    else
        io_close(&lock);
}
