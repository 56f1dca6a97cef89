/* SPDX-License-Identifier: Apache-2.0 */
#include "device/receive/hook.h"

#include "base/argv.h"
#include "base/memory.h"
#include "base/run.h"
#include "device/updaters/updater_path.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#define HOOK_TEXT_MAX 400
#define HOOK_ENV_MAX 8
/* Exit status for "try again later"; Mender's state scripts use the same number. */
#define HOOK_LATER 21

/* One run of a hook. */
struct hook {
    const char *command;
    char *env[HOOK_ENV_MAX + 1]; /* owned */
    size_t env_count;
    struct run_result result;
    char text[HOOK_TEXT_MAX]; /* the start of its output, on one line */
    char *how;                /* how it failed, or NULL; owned */
};

static void hook_set(struct hook *h, const char *name, const char *value)
{
    h->env[h->env_count++] = memory_printf("%s=%s", name, value);
}

static void hook_set_common(struct hook *h, const char *kind, const char *device, const char *task)
{
    hook_set(h, "FWSSH_HOOK", kind);
    hook_set(h, "FWSSH_DEVICE", device ? device : "");
    hook_set(h, "FWSSH_TASK", task);
}

static void hook_free(struct hook *h)
{
    for (size_t i = 0; i < h->env_count; i++)
        free(h->env[i]);
    run_free(&h->result);
    free(h->how);
}

/* Joins the lines and removes trailing blanks. */
static void hook_join_lines(char *text)
{
    size_t len = strlen(text);

    while (len && isspace((unsigned char)text[len - 1]))
        text[--len] = '\0';
    for (char *p = text; *p; p++)
        if (*p == '\n' || *p == '\r')
            *p = ' ';
}

static int hook_run(struct hook *h, const char *key, const struct device_config *config,
                    struct error *err)
{
    struct argv argv = {0};

    argv_split(&argv, h->command);
    struct run run = {.argv = argv.word,
                      .env = h->env,
                      .output = RUN_KEEP,
                      .errors = RUN_KEEP,
                      .keep = sizeof h->text - 1,
                      .seconds = config->hook_timeout,
                      .detached = true};
    int rc = updater_path_check(config, argv.count ? argv.word[0] : "", key, err) ||
                     run_program(&run, &h->result, err)
                 ? -1
                 : 0;
    snprintf(h->text, sizeof h->text, "%s", buffer_text(&h->result.text));
    hook_join_lines(h->text);
    if (!rc && !run_succeeded(&h->result))
        h->how = run_describe_end(&run, &h->result);
    argv_free(&argv);
    return rc;
}

static int hook_judge(const struct hook *h, struct error *err)
{
    const char *text = *h->text ? h->text : "no reason given";

    if (!h->how)
        return 0;
    if (h->result.timed_out || !WIFEXITED(h->result.status))
        return error_set(err, EXIT_REFUSED, "hook-precheck %s; nothing was done", h->how);
    if (WEXITSTATUS(h->result.status) == HOOK_LATER)
        return error_set(err, EXIT_REFUSED,
                         "hook-precheck asks to try again later: %s; nothing was done", text);
    return error_set(err, EXIT_REFUSED, "refused by hook-precheck: %s; nothing was done", text);
}

int hook_precheck(const struct device_config *config, const char *device,
                  const struct result *result, struct client *client, struct error *err)
{
    struct hook h = {.command = config->hook_precheck};

    if (!*h.command)
        return 0;
    hook_set_common(&h, "precheck", device, result_task(result, config));
    int rc = hook_run(&h, "hook-precheck", config, err);
    if (rc) {
        error_prefix(err, "hook-precheck");
        err->status = EXIT_REFUSED;
    } else {
        rc = hook_judge(&h, err);
    }
    if (!rc && *h.text)
        client_complain(client, h.text);
    hook_free(&h);
    return rc;
}

void hook_tell(const struct device_config *config, const char *device, struct result *result)
{
    bool failed = result->status != EXIT_DONE;
    const char *name = failed ? "hook-failure" : "hook-success";
    struct hook h = {.command = failed ? config->hook_failure : config->hook_success};
    char status[16];
    struct error err;

    if (!*h.command || result->asked)
        return;
    snprintf(status, sizeof status, "%u", result->status);
    hook_set_common(&h, failed ? "failure" : "success", device, result_task(result, config));
    hook_set(&h, "FWSSH_STATUS", status);
    hook_set(&h, "FWSSH_UUID", result->uuid);
    hook_set(&h, "FWSSH_REBOOT", result->reboot ? "1" : "0");
    hook_set(&h, "FWSSH_TEXT", result->text);
    if (hook_run(&h, name, config, &err)) {
        result_note(result, "%s: %s", name, err.text);
    } else if (h.how) {
        result_note(result, "%s %s%s%s", name, h.how, *h.text ? ": " : "", h.text);
    } else if (*h.text) {
        result_note(result, "%s: %s", name, h.text);
    }
    hook_free(&h);
}
