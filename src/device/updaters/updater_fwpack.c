/* SPDX-License-Identifier: Apache-2.0 */
#include "base/reboot_param.h"
#include "device/config/state_dir.h"
#include "device/updaters/updater_fwup.h"

#include <stdlib.h>
#include <sys/wait.h>

/* fwpack comes with this program, so there is nothing to find out. */
static int fwpack_identify(struct updater *u, struct error *err)
{
    (void)err;
    u->handshake = true;
    return 0;
}

static void fwpack_add_minimum(const char *version, struct argv *a)
{
    if (*version)
        argv_add_pair(a, "--minimum-version", version);
}

static void fwpack_add_state(const struct device_config *config, const char *option,
                             const char *name, struct argv *a)
{
    char *path = state_dir_path(config, name);

    argv_add_pair(a, option, path);
    free(path);
}

static void fwpack_add_floor(const struct device_config *config, const struct version_floor *floor,
                             struct argv *a)
{
    if (!floor || !floor->kept)
        return;
    if (floor->overridden)
        fwpack_add_state(config, "--use-up", VERSION_FLOOR_OVERRIDE, a);
    else
        fwpack_add_minimum(floor->version, a);
    fwpack_add_state(config, "--pending-version", VERSION_FLOOR_PENDING, a);
}

static void fwpack_add_reboot(const struct device_config *config, struct argv *a)
{
    if (!reboot_param_is_passed_by(config->reboot_command))
        argv_add(a, "--no-reboot-param");
}

static void fwpack_add_limits(const struct device_config *config, const struct updater_job *job,
                              struct argv *a)
{
    fwpack_add_minimum(config->minimum_version, a);
    if (job->verb == UPDATER_STAGE)
        argv_add_pair(a, "--stage", job->path);
    fwpack_add_floor(config, job->floor, a);
    fwpack_add_reboot(config, a);
    if (job->open_end)
        argv_add(a, "--end-of-archive");
}

/* Signature and version are checked again: the keys may have changed since it was staged. */
static void fwpack_add_activate(const struct device_config *config, const struct updater_job *job,
                                struct argv *a)
{
    argv_add(a, "activate");
    argv_add(a, "-q");
    argv_add(a, "--no-unmount");
    argv_add_pair(a, "-d", job->device);
    argv_add_pair(a, "-i", job->path);
    updater_fwup_add_keys(config, a);
    fwpack_add_reboot(config, a);
    fwpack_add_minimum(config->minimum_version, a);
    fwpack_add_floor(config, job->floor, a);
}

static void fwpack_arguments(const struct updater *u, const struct device_config *config,
                             const struct updater_job *job, struct argv *a)
{
    switch (job->verb) {
    case UPDATER_WRITE:
    case UPDATER_STAGE:
        updater_fwup_add_write(u, config, job, fwpack_add_limits, a);
        break;
    case UPDATER_ACTIVATE:
        fwpack_add_activate(config, job, a);
        break;
    case UPDATER_TASK:
        updater_fwup_add_task(config, job, a);
        break;
    }
}

/* fwpack's own commands use our exit statuses; with fwup's options it uses fwup's. */
static enum exit_status fwpack_judge(const struct updater_job *job, int status)
{
    int code = WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_FAILED;

    return job->verb == UPDATER_ACTIVATE && code && code <= EXIT_WIRE_MAX ? (enum exit_status)code
                                                                          : EXIT_FAILED;
}

const struct updater_driver updater_fwpack = {.can_stage = true,
                                              .can_refuse_older = true,
                                              .spares_root = true,
                                              .tells_switching = true,
                                              .identify = fwpack_identify,
                                              .arguments = fwpack_arguments,
                                              .judge = fwpack_judge};
