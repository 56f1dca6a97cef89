#include "device/receive/stage.h"

#include "base/memory.h"
#include "base/site_command.h"
#include "base/spawn.h"
#include "device/updaters/updater_path.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define STAGE_SECONDS 120

static char *stage_path(const struct device_config *config)
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

int stage_prepare(struct updater *u, const struct device_config *config, bool wanted,
                  struct error *err)
{
    char *path = stage_path(config);

    if (wanted && strcmp(u->name, "fwpack")) {
        error_set(err, EXIT_REFUSED,
                  "only fwpack can stage an update, but the updater is %s; nothing was done",
                  u->name);
        goto failed;
    }
    if (unlink(path) && errno != ENOENT && errno != ENOTDIR) {
        error_errno(err, "cannot remove %s", path);
        goto failed;
    }
    if (wanted)
        u->stage_path = path;
    else
        free(path);
    return 0;
failed:
    free(path);
    return -1;
}

/* fwpack's words have the exit statuses of ours. */
static int stage_judge(const struct site_command_result *r, struct error *err)
{
    char how[80], *text = (char *)r->text;

    if (!r->timed_out && !r->status)
        return 0;
    int status = WIFEXITED(r->status) ? WEXITSTATUS(r->status) : EXIT_FAILED;
    spawn_describe(r->status, how, sizeof how);
    text[strcspn(text, "\r\n")] = '\0';
    return error_set(err,
                     status && status <= EXIT_WIRE_MAX ? (enum exit_status)status : EXIT_FAILED,
                     "the staged firmware cannot be activated: %.300s",
                     r->timed_out ? "it took too long"
                     : *text      ? text
                                  : how);
}

int stage_activate(const struct device_config *config, const char *device, struct error *err)
{
    char *updater = updater_path_find(config), *path = stage_path(config);
    struct site_command_result r;
    struct buffer command = {0};
    int rc = -1;

    if (!stage_is_there(config)) {
        error_set(err, EXIT_REFUSED, "no firmware is staged on the device");
        goto cleanup;
    }
    if (!updater) {
        error_set(err, EXIT_FAILED, "cannot find the updater '%s' (key updater)", config->updater);
        goto cleanup;
    }
    buffer_printf(&command, "%s activate -q --no-unmount -d %s -i %s", updater, device, path);
    updater_add_keys_to(config, &command);
    if (*config->minimum_version)
        buffer_printf(&command, " --minimum-version %s", config->minimum_version);
    rc = site_command_run(buffer_text(&command), NULL, STAGE_SECONDS, &r, err) ||
                 stage_judge(&r, err)
             ? -1
             : 0;
    if (!rc)
        (void)unlink(path);
cleanup:
    buffer_free(&command);
    free(path);
    free(updater);
    return rc;
}
