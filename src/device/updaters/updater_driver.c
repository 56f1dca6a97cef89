#include "device/updaters/updater_driver.h"

#include "base/device_lock.h"
#include "device/updaters/updater_path.h"

#include <stdlib.h>
#include <string.h>

#define UPDATER_TEXT_MAX 16384
/* Where run_program() puts the first of fds. */
#define UPDATER_DO_LOCK_FD "3"

int updater_find(struct updater *u, const struct device_config *config, struct error *err)
{
    *u = (struct updater){.program = updater_path_find(config)};
    if (!u->program)
        return error_set(err, EXIT_FAILED,
                         "cannot find the updater '%s' (key updater) on the device; install fwup "
                         "or fwpack, or configure its path",
                         config->updater);
    u->name = strrchr(u->program, '/') ? strrchr(u->program, '/') + 1 : u->program;
    u->driver = strcmp(u->name, "fwpack") ? &updater_fwup : &updater_fwpack;
    return 0;
}

int updater_identify(struct updater *u, const struct device_config *config, struct error *err)
{
    if (!u->driver->can_refuse_older && (*config->minimum_version || config->refuse_older))
        return error_set(err, EXIT_FAILED,
                         "the key %s needs fwpack as the updater, but it is %s; nothing was done",
                         config->refuse_older ? "refuse-older" : "minimum-version", u->name);
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
    u->driver->arguments(u, config, job, a);
}

int updater_do(const struct updater *u, const struct device_config *config,
               const struct updater_job *job, int seconds, struct run_result *result,
               struct error *err)
{
    struct argv argv = {0};
    int lock = device_lock_exported();
    char *environment[] = {DEVICE_LOCK_FD_VARIABLE "=" UPDATER_DO_LOCK_FD, NULL};

    updater_arguments(u, config, job, &argv);
    struct run run = {.argv = argv.word,
                      .env = lock >= 0 ? environment : NULL,
                      .fds = &lock,
                      .fd_count = lock >= 0 ? 1 : 0,
                      .output = RUN_KEEP,
                      .errors = RUN_KEEP,
                      .keep = UPDATER_TEXT_MAX,
                      .seconds = seconds,
                      .detached = true};
    int rc = run_program(&run, result, err);
    if (!rc && !run_succeeded(result)) {
        char *how = run_describe(&run, result);
        rc = error_set(err, result->timed_out ? EXIT_FAILED : u->driver->judge(job, result->status),
                       "%s %s", u->name, how);
        free(how);
    }
    argv_free(&argv);
    return rc;
}
