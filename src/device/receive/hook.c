#include "device/receive/hook.h"

#include "base/memory.h"
#include "base/site_command.h"
#include "base/spawn.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#define HOOK_TEXT_MAX 400
#define HOOK_ENV_MAX 8
/* As sysexits(3) has no "later", the number that other updaters' scripts use. */
#define HOOK_LATER 21

/* One run of a hook. */
struct hook {
    const char *command;
    char *env[HOOK_ENV_MAX + 1]; /* owned */
    size_t env_count;
    char text[HOOK_TEXT_MAX]; /* the beginning of what it printed, on one line */
    int status;               /* of waitpid(2) */
    bool timed_out;
};

static void hook_set(struct hook *h, const char *name, const char *value)
{
    h->env[h->env_count++] = memory_printf("%s=%s", name, value);
}

static void hook_set_common(struct hook *h, const char *kind, const struct device_config *config,
                            const char *device)
{
    hook_set(h, "FWSSH_HOOK", kind);
    hook_set(h, "FWSSH_DEVICE", device ? device : "");
    hook_set(h, "FWSSH_TASK", config->task);
}

static void hook_free(struct hook *h)
{
    for (size_t i = 0; i < h->env_count; i++)
        free(h->env[i]);
}

/* Lines become one; the end loses its blanks. */
static void hook_join_lines(char *text)
{
    size_t len = strlen(text);

    while (len && isspace((unsigned char)text[len - 1]))
        text[--len] = '\0';
    for (char *p = text; *p; p++)
        if (*p == '\n' || *p == '\r')
            *p = ' ';
}

static int hook_run(struct hook *h, int seconds, struct error *err)
{
    struct site_command_result r;
    int rc = site_command_run(h->command, h->env, seconds, &r, err);

    h->status = r.status;
    h->timed_out = r.timed_out;
    snprintf(h->text, sizeof h->text, "%.*s", HOOK_TEXT_MAX - 1, r.text);
    hook_join_lines(h->text);
    return rc;
}

static int hook_judge(const struct hook *h, int seconds, struct error *err)
{
    const char *text = *h->text ? h->text : "it gives no reason";
    char how[80];

    if (h->timed_out)
        return error_set(err, EXIT_REFUSED,
                         "the device refuses: its hook-precheck did not end in %d seconds; nothing "
                         "was done",
                         seconds);
    if (WIFEXITED(h->status) && WEXITSTATUS(h->status) == 0)
        return 0;
    if (WIFEXITED(h->status) && WEXITSTATUS(h->status) == HOOK_LATER)
        return error_set(err, EXIT_REFUSED, "the device asks to try later: %s; nothing was done",
                         text);
    if (WIFEXITED(h->status))
        return error_set(err, EXIT_REFUSED, "the device refuses: %s; nothing was done", text);
    spawn_describe(h->status, how, sizeof how);
    return error_set(err, EXIT_REFUSED,
                     "the device refuses: its hook-precheck %s; nothing was done", how);
}

int hook_precheck(const struct device_config *config, const char *device, struct client *client,
                  struct error *err)
{
    struct hook h = {.command = config->hook_precheck};

    if (!*h.command)
        return 0;
    hook_set_common(&h, "precheck", config, device);
    int rc = hook_run(&h, config->hook_timeout, err);
    if (rc) {
        error_prefix(err, "the device refuses: its hook-precheck");
        err->status = EXIT_REFUSED;
    } else {
        rc = hook_judge(&h, config->hook_timeout, err);
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
    char status[16], how[80];
    struct error err;

    if (!*h.command || result->asked)
        return;
    snprintf(status, sizeof status, "%u", result->status);
    hook_set_common(&h, failed ? "failure" : "success", config, device);
    hook_set(&h, "FWSSH_STATUS", status);
    hook_set(&h, "FWSSH_UUID", result->uuid);
    hook_set(&h, "FWSSH_REBOOT", result->reboot ? "1" : "0");
    hook_set(&h, "FWSSH_TEXT", result->text);
    if (hook_run(&h, config->hook_timeout, &err)) {
        result_note(result, "%s: %s", name, err.text);
    } else if (h.timed_out) {
        result_note(result, "%s was ended: it took more than %d seconds", name,
                    config->hook_timeout);
    } else if (h.status) {
        spawn_describe(h.status, how, sizeof how);
        result_note(result, "%s %s%s%s", name, how, *h.text ? ": " : "", h.text);
    } else if (*h.text) {
        result_note(result, "%s: %s", name, h.text);
    }
    hook_free(&h);
}
