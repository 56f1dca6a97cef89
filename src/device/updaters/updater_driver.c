/* SPDX-License-Identifier: Apache-2.0 */
#include "device/updaters/updater_driver.h"

#include "base/device_lock.h"
#include "base/io.h"
#include "device/updaters/updater_path.h"
#include "wire/updater_result.h"

#include <stdlib.h>
#include <string.h>

#define UPDATER_TEXT_MAX 16384
/* Where run_program() puts the first of fds. */
#define UPDATER_DO_RESULT_FD "3"
#define UPDATER_DO_LOCK_FD "4"

int updater_find(struct updater *u, const struct device_config *config, struct error *err)
{
    *u = (struct updater){.program = updater_path_find(config)};
    if (!u->program && updater_path_names_adapter(config->updater))
        return error_set(err, EXIT_FAILED,
                         "cannot find the adapter " UPDATER_ADAPTER_PREFIX
                         "%s (key updater) on the device; it comes with fwsshd, or give the path "
                         "of another one",
                         config->updater);
    if (!u->program)
        return error_set(err, EXIT_FAILED,
                         "cannot find the updater '%s' (key updater) on the device; install fwup "
                         "or fwpack, or configure its path",
                         config->updater);
    if (updater_path_check(config, u->program, "updater", err))
        return -1;
    u->own = config->own_program && !strcmp(u->program, config->own_program);
    u->name = u->own ? "fwpack" : updater_path_name(u->program);
    u->driver = updater_path_is_adapter(u->program) ? &updater_adapter
                : strcmp(u->name, "fwpack")         ? &updater_fwup
                                                    : &updater_fwpack;
    return 0;
}

/* An adapter's own keys are its own affair; ours would be checked by nobody. */
static int updater_check_keys(const struct updater *u, const struct device_config *config,
                              struct error *err)
{
    if (!u->driver->is_adapter || !config->firmware_public_keys.count)
        return 0;
    return error_set(err, EXIT_FAILED,
                     "firmware-public-keys is set, but %s does not check these keys; remove the "
                     "key, and set the keys of the updater itself; nothing was done",
                     u->name);
}

int updater_identify(struct updater *u, const struct device_config *config, struct error *err)
{
    if (!u->driver->can_refuse_older && (*config->minimum_version || config->refuse_older))
        return error_set(err, EXIT_FAILED,
                         "the key %s needs fwpack as the updater, but it is %s; nothing was done",
                         config->refuse_older ? "refuse-older" : "minimum-version", u->name);
    if (updater_check_keys(u, config, err))
        return -1;
    if (u->driver->identify(u, err))
        return error_prefix(err, "cannot use the updater");
    return 0;
}

void updater_free(struct updater *u)
{
    free(u->program);
    *u = (struct updater){0};
}

void updater_arguments(const struct updater *u, const struct device_config *config,
                       const struct updater_job *job, struct argv *a)
{
    argv_add(a, u->program);
    if (u->own)
        argv_add(a, u->name);
    u->driver->arguments(u, config, job, a);
}

/* A program that runs without input, and what it says of itself. */
struct updater_task {
    int pipe[2];
    struct updater_result said;
};

static bool updater_may_be_killed(void *data)
{
    struct updater_task *t = data;

    while (updater_result_read(t->pipe[0], &t->said) > 0)
        ;
    return !t->said.switching;
}

static int updater_run_task(const struct updater *u, char *const *argv, int seconds,
                            struct updater_task *t, struct updater_done *done, struct error *err)
{
    int fds[] = {t->pipe[1], device_lock_exported()};
    char *environment[] = {UPDATER_RESULT_VARIABLE "=" UPDATER_DO_RESULT_FD,
                           fds[1] >= 0 ? DEVICE_LOCK_FD_VARIABLE "=" UPDATER_DO_LOCK_FD : NULL,
                           NULL};
    struct run run = {.argv = argv,
                      .env = environment,
                      .fds = fds,
                      .fd_count = fds[1] >= 0 ? 2 : 1,
                      .output = RUN_KEEP,
                      .errors = RUN_KEEP,
                      .keep = UPDATER_TEXT_MAX,
                      .seconds = seconds,
                      .may_kill = updater_may_be_killed,
                      .may_kill_data = t,
                      .detached = true};

    if (!run_expect(&run, u->name, &done->run, err))
        return 0;
    done->unsure =
        !updater_may_be_killed(t) || (done->run.timed_out && !u->driver->tells_switching);
    return -1;
}

int updater_do(const struct updater *u, const struct device_config *config,
               const struct updater_job *job, int seconds, struct updater_done *done,
               struct error *err)
{
    struct updater_task t = {{-1, -1}, {0}};
    struct argv argv = {0};
    int rc = -1;

    *done = (struct updater_done){0};
    updater_result_init(&t.said);
    if (u->driver->is_adapter)
        return error_set(err, EXIT_FAILED,
                         "%s applies no tasks of an archive; set slot-driver = \"updater\"",
                         u->name);
    if (io_pipe(t.pipe)) {
        error_errno(err, "cannot create a pipe");
    } else {
        io_set_nonblocking(t.pipe[0]);
        updater_arguments(u, config, job, &argv);
        rc = updater_run_task(u, argv.word, seconds, &t, done, err);
        if (rc && !done->run.timed_out)
            err->status = u->driver->judge(job, done->run.status);
    }
    argv_free(&argv);
    io_close(&t.pipe[0]);
    io_close(&t.pipe[1]);
    return rc;
}
