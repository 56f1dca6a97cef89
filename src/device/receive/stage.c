#include "device/receive/stage.h"

#include "base/memory.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#define STAGE_SECONDS 120

char *stage_path(const struct device_config *config)
{
    return memory_printf("%s/staged", config->state_dir);
}

bool stage_is_there(const struct device_config *config)
{
    char *path = stage_path(config);
    bool there = !access(path, F_OK);

    free(path);
    return there;
}

int stage_prepare(const struct updater *u, const struct device_config *config, bool wanted,
                  struct error *err)
{
    char *path = stage_path(config);
    int rc = 0;

    if (wanted && !u->driver->can_stage)
        rc = error_set(err, EXIT_REFUSED,
                       "only fwpack can stage an update, but the updater is %s; nothing was done",
                       u->name);
    else if (unlink(path) && errno != ENOENT && errno != ENOTDIR)
        rc = error_errno(err, "cannot remove %s", path);
    free(path);
    return rc;
}

static int stage_run(const struct updater *u, const struct device_config *config,
                     const char *device, const char *path, struct error *err)
{
    struct updater_job job = {.verb = UPDATER_ACTIVATE, .device = device, .path = path};
    struct run_result result;
    int rc = updater_do(u, config, &job, STAGE_SECONDS, &result, err);

    run_free(&result);
    if (rc)
        return error_prefix(err, "cannot activate the staged firmware");
    (void)unlink(path);
    return 0;
}

int stage_activate(const struct device_config *config, const char *device, struct error *err)
{
    char *path = stage_path(config);
    struct updater u = {0};
    int rc = -1;

    if (!stage_is_there(config))
        error_set(err, EXIT_REFUSED, "no firmware is staged on the device");
    else if (!updater_find(&u, config, err))
        rc = u.driver->can_stage
                 ? stage_run(&u, config, device, path, err)
                 : error_set(err, EXIT_REFUSED,
                             "only fwpack can activate a staged firmware, but the updater is %s",
                             u.name);
    updater_free(&u);
    free(path);
    return rc;
}
