/* SPDX-License-Identifier: Apache-2.0 */
#include "device/receive/updater_run.h"

#include "base/device_lock.h"
#include "base/io.h"
#include "base/spawn.h"
#include "device/receive/updater_jail.h"
#include "device/receive/updater_pump.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

/* In the child, descriptor 3 takes the result (wire/updater_result.h), and 4 and 5 hold the locks.
 */
#define UPDATER_RESULT_FD "3"
#define UPDATER_LOCK_FD "4"
#define UPDATER_DISK_FD "5"
/* Bytes of a firmware, of at least the first number, that are held back until all have come. */
#define UPDATER_HOLD_FROM 65536
#define UPDATER_HOLD_MOST 65536

/* The pipes of one run, with our ends and the child's. */
struct updater_pipes {
    int in[2], out[2], err[2], result[2];
};

static int updater_make_pipes(struct updater_pipes *p, struct error *err)
{
    *p = (struct updater_pipes){{-1, -1}, {-1, -1}, {-1, -1}, {-1, -1}};
    if (io_pipe(p->in) || io_pipe(p->out) || io_pipe(p->err) || io_pipe(p->result))
        return error_errno(err, "cannot create a pipe");
    /* Fewer wake-ups. Optional: everything works without it. */
    (void)fcntl(p->in[1], F_SETPIPE_SZ, 1 << 20);
    io_set_nonblocking(p->in[1]);
    io_set_nonblocking(p->out[0]);
    io_set_nonblocking(p->err[0]);
    io_set_nonblocking(p->result[0]);
    return 0;
}

static void updater_close_pipes(struct updater_pipes *p)
{
    for (int i = 0; i < 2; i++) {
        io_close(&p->in[i]);
        io_close(&p->out[i]);
        io_close(&p->err[i]);
        io_close(&p->result[i]);
    }
}

static int updater_judge(const struct updater_run *r, int wait_status,
                         const struct updater_result *said, struct error *err)
{
    enum exit_status status = said->status;
    char how[80];

    if (WIFEXITED(wait_status) && WEXITSTATUS(wait_status) == 0)
        return 0;
    if (status == EXIT_FAILED)
        status = r->updater->driver->judge(r->job, wait_status);
    if (r->updater->driver->is_adapter && *said->because)
        return error_set(err, status, "%s: %s", r->updater->name, said->because);
    spawn_describe(wait_status, how, sizeof how);
    return error_set(err, status, "%s %s", r->updater->name, how);
}

static void updater_environment(const struct updater_run *r, struct argv *env)
{
    argv_add(env, UPDATER_RESULT_VARIABLE "=" UPDATER_RESULT_FD);
    argv_add(env, DEVICE_LOCK_FD_VARIABLE "=" UPDATER_LOCK_FD);
    argv_add(env, DEVICE_LOCK_DISK_VARIABLE "=" UPDATER_DISK_FD);
    if (r->updater->driver->environment)
        r->updater->driver->environment(r->config, r->job, env);
}

static pid_t updater_start(const struct updater_run *r, struct updater_pipes *p, struct error *err)
{
    bool network = r->config->updater_network || r->updater->wants_network;
    int in = r->file >= 0 ? r->file : p->in[0];
    struct argv argv = {0}, env = {0};

    updater_arguments(r->updater, r->config, r->job, &argv);
    updater_environment(r, &env);
    struct spawn s = {.program = r->updater->program,
                      .argv = argv.word,
                      .fds = {in, p->out[1], p->err[1], p->result[1], r->lock, r->disk},
                      .fd_count = 6,
                      .extra_env = env.word,
                      .new_group = true,
                      .die_with_parent = true,
                      .in_child = updater_jail_enter,
                      .in_child_data = &network};
    pid_t pid = spawn_start(&s, err);
    argv_free(&argv);
    argv_free(&env);
    io_close(&p->in[0]);
    if (r->file >= 0)
        io_close(&p->in[1]);
    io_close(&p->out[1]);
    io_close(&p->err[1]);
    io_close(&p->result[1]);
    return pid;
}

/* Updaters switch before the last byte: where the archive's directory begins, or at a trailer. The
 * end of the firmware must not be lost after that. */
static uint64_t updater_hold(uint64_t size)
{
    uint64_t quarter = size / 4;

    if (size == UPDATER_UNTIL_EOF || size < UPDATER_HOLD_FROM)
        return 0;
    return quarter < UPDATER_HOLD_MOST ? quarter : UPDATER_HOLD_MOST;
}

int updater_run(const struct updater_run *r, struct updater_outcome *outcome, struct error *err)
{
    uint64_t owed = r->file >= 0 ? 0 : r->size;
    struct updater_pipes p;
    pid_t pid = -1;
    int rc = -1;

    *outcome = (struct updater_outcome){0};
    updater_result_init(&outcome->said);
    if (updater_make_pipes(&p, err) || (pid = updater_start(r, &p, err)) < 0)
        goto cleanup;
    struct updater_pump pump = {.client = r->client,
                                .from = r->client->in,
                                .ahead = &r->client->ahead,
                                .handshake = r->updater->handshake,
                                .pid = pid,
                                .in = &p.in[1],
                                .out = &p.out[0],
                                .err = &p.err[0],
                                .result = &p.result[0],
                                .said = &outcome->said,
                                .timeout = r->config->updater_timeout,
                                .left = owed,
                                .hold = updater_hold(owed),
                                .last = r->last,
                                .past_return = r->last && !owed};
    rc = updater_pump_run(&pump, err);
    outcome->unsure = pump.timed_out && pump.past_return && !r->updater->driver->tells_switching;
    if (!rc) {
        rc = updater_judge(r, pump.wait_status, &outcome->said, err);
        outcome->failed = rc != 0;
    }
    outcome->given = r->file >= 0 ? r->size : pump.moved_bytes;
    outcome->unread = r->size == UPDATER_UNTIL_EOF ? 0 : pump.left;
cleanup:
    updater_close_pipes(&p);
    return rc;
}
