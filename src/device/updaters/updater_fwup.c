/* SPDX-License-Identifier: Apache-2.0 */
#include "device/updaters/updater_fwup.h"

#include <stdio.h>
#include <string.h>

#define FWUP_VERSION_SECONDS 10
#define FWUP_VERSION_MAX 255
/* Length of a public key (32 bytes) in base64, without the padding. */
#define FWUP_KEY_TEXT 43

/* --exit-handshake was added after version 0.17.0. */
static int fwup_parse_version(struct updater *u, const char *text, struct error *err)
{
    unsigned major, minor = 0, patch = 0;

    if (*text < '0' || *text > '9' || sscanf(text, "%u.%u.%u", &major, &minor, &patch) < 2)
        return error_set(err, EXIT_FAILED,
                         "%s --version printed '%.60s', which is not a version of fwup", u->program,
                         text);
    u->handshake = major > 0 || minor > 17 || (minor == 17 && patch > 0);
    return 0;
}

static int fwup_identify(struct updater *u, struct error *err)
{
    char *argv[] = {u->program, "--version", NULL};
    struct run run = {.argv = argv,
                      .output = RUN_KEEP,
                      .keep = FWUP_VERSION_MAX,
                      .seconds = FWUP_VERSION_SECONDS,
                      .detached = true};
    struct run_result result;
    char text[FWUP_VERSION_MAX + 1];
    int rc = run_program(&run, &result, err);

    snprintf(text, sizeof text, "%s", buffer_text(&result.text));
    text[strcspn(text, "\r\n")] = '\0';
    if (!rc && result.timed_out && !*text)
        rc = error_set(err, EXIT_FAILED, "%s --version did not answer within %d seconds",
                       u->program, FWUP_VERSION_SECONDS);
    if (!rc)
        rc = fwup_parse_version(u, text, err);
    run_free(&result);
    return rc;
}

void updater_fwup_add_keys(const struct device_config *config, struct argv *a)
{
    for (size_t i = 0; i < config->firmware_public_keys.count; i++) {
        const char *key = config->firmware_public_keys.item[i];
        bool is_key = strcspn(key, "=") == FWUP_KEY_TEXT && !strchr(key, '.');
        argv_add_pair(a, is_key ? "--public-key" : "-p", key);
    }
}

/* The arguments that nerves_firmware_ssh passes, in its order, then keys and the site's own
 * options. */
void updater_fwup_add_write(const struct updater *u, const struct device_config *config,
                            const struct updater_job *job, updater_fwup_more *more, struct argv *a)
{
    if (u->handshake)
        argv_add(a, "--exit-handshake");
    argv_add(a, "--apply");
    argv_add(a, "--no-unmount");
    argv_add_pair(a, "-d", job->device);
    argv_add_pair(a, "--task", job->task ? job->task : config->task);
    updater_fwup_add_keys(config, a);
    if (more)
        more(config, job, a);
    for (size_t i = 0; i < config->updater_options.count; i++)
        argv_add(a, config->updater_options.item[i]);
}

void updater_fwup_add_task(const struct device_config *config, const struct updater_job *job,
                           struct argv *a)
{
    argv_add(a, "-a");
    argv_add(a, "-q");
    argv_add(a, "--no-unmount");
    argv_add_pair(a, "-i", job->path);
    argv_add_pair(a, "-t", job->task ? job->task : config->task);
    argv_add_pair(a, "-d", job->device);
}

static void fwup_arguments(const struct updater *u, const struct device_config *config,
                           const struct updater_job *job, struct argv *a)
{
    if (job->verb == UPDATER_TASK)
        updater_fwup_add_task(config, job, a);
    else
        updater_fwup_add_write(u, config, job, NULL, a);
}

static enum exit_status fwup_judge(const struct updater_job *job, int status)
{
    (void)job;
    (void)status; /* fwup has one status for all failures */
    return EXIT_FAILED;
}

const struct updater_driver updater_fwup = {
    .identify = fwup_identify, .arguments = fwup_arguments, .judge = fwup_judge};
