/* SPDX-License-Identifier: Apache-2.0 */
#include "device/receive/stage.h"

#include "device/config/state_dir.h"
#include "wire/request.h"

#include <stdlib.h>

#define STAGE_NAME "staged"

char *stage_path(const struct device_config *config)
{
    return state_dir_path(config, STAGE_NAME);
}

bool stage_is_there(const struct device_config *config)
{
    struct error ignored;

    return state_dir_has(config, STAGE_NAME, &ignored) > 0;
}

int stage_prepare(const struct updater *u, const struct device_config *config, bool wanted,
                  struct error *err)
{
    if (wanted && !u->driver->can_stage)
        return error_set(err, EXIT_REFUSED,
                         "only fwpack can stage an update, but the updater is %s; nothing was done",
                         u->name);
    if (wanted && state_dir_make(config, err))
        return -1;
    if (state_dir_remove(config, STAGE_NAME, err))
        return error_suffix(err, "nothing was done");
    return 0;
}

static int stage_run(const struct updater *u, const struct device_config *config,
                     const struct updater_job *job, struct result *result, struct error *err)
{
    char *path = stage_path(config);
    struct updater_job activate = *job;
    struct updater_done done;

    activate.verb = UPDATER_ACTIVATE;
    activate.path = path;
    int rc = updater_do(u, config, &activate, REQUEST_ACTIVATE_SECONDS, &done, err);
    run_free(&done.run);
    free(path);
    if (done.unsure) {
        error_suffix(err, UPDATER_UNSURE "rebooting, check fwssh status");
        err->status = EXIT_FAILED;
        result->reboot = 1;
    }
    return rc ? error_prefix(err, "cannot activate the staged firmware") : 0;
}

int stage_activate(const struct device_config *config, const struct updater_job *job,
                   struct result *result, struct error *err)
{
    struct error removal;
    struct updater u = {0};
    int rc = -1, there = state_dir_has(config, STAGE_NAME, err);

    if (there < 0)
        return -1;
    if (!there)
        return error_set(err, EXIT_REFUSED, "no firmware is staged on the device");
    if (!updater_find(&u, config, err))
        rc = u.driver->can_stage
                 ? stage_run(&u, config, job, result, err)
                 : error_set(err, EXIT_REFUSED,
                             "only fwpack can activate a staged firmware, but the updater is %s",
                             u.name);
    if (!rc && state_dir_remove(config, STAGE_NAME, &removal))
        result_note(result, "the activated firmware stays staged: %s", removal.text);
    updater_free(&u);
    return rc;
}
