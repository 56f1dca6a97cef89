/* SPDX-License-Identifier: Apache-2.0 */
#include "device/updaters/updater_adapter.h"

#include "base/memory.h"
#include "wire/facts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#define ADAPTER_DESCRIBE_SECONDS 10
#define ADAPTER_TEXT_MAX 16384

static enum exit_status adapter_judge(const struct updater_job *job, int status)
{
    int code = WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_FAILED;

    (void)job;
    return code == EXIT_REFUSED || code == EXIT_MISMATCH ? (enum exit_status)code : EXIT_FAILED;
}

int updater_adapter_ask(const struct updater *u, const char *verb, const char *reason, int seconds,
                        struct run_result *r, struct error *err)
{
    char *argv[] = {u->program, (char *)verb, NULL};
    char *variable = memory_printf("FWSSH_REASON=%s", reason);
    char *env[] = {variable, NULL};
    char *what = memory_printf("%s %s", u->name, verb);
    struct run run = {.argv = argv,
                      .env = env,
                      .output = RUN_KEEP,
                      .errors = RUN_KEEP,
                      .keep = ADAPTER_TEXT_MAX,
                      .seconds = seconds,
                      .detached = true};
    int rc = run_expect(&run, what, r, err);

    if (rc && r->status && !r->timed_out)
        err->status = adapter_judge(NULL, r->status);
    free(what);
    free(variable);
    return rc;
}

static bool adapter_says(const struct facts *said, const char *name, const char *value)
{
    return !strcmp(facts_get(said, name), value);
}

static int adapter_parse(struct updater *u, const char *text, struct error *err)
{
    struct facts said = {0};
    int rc = 0;

    facts_parse(&said, text);
    u->wants_file = adapter_says(&said, "input", "file");
    u->reboots = adapter_says(&said, "reboots", "yes");
    u->wants_network = adapter_says(&said, "network", "yes");
    snprintf(u->accepts, sizeof u->accepts, "%s", facts_get(&said, "accepts"));
    if (!u->wants_file && !adapter_says(&said, "input", "stream"))
        rc = error_set(err, EXIT_FAILED,
                       "%s describe prints neither input=stream nor input=file, as "
                       "fwssh-updater(7) demands",
                       u->name);
    facts_free(&said);
    return rc;
}

static int adapter_identify(struct updater *u, struct error *err)
{
    struct run_result r;
    int rc = updater_adapter_ask(u, "describe", "", ADAPTER_DESCRIBE_SECONDS, &r, err);

    if (!rc)
        rc = adapter_parse(u, buffer_text(&r.text), err);
    run_free(&r);
    return rc;
}

/* The driver cannot stage or apply tasks, so this is UPDATER_WRITE. */
static void adapter_arguments(const struct updater *u, const struct device_config *config,
                              const struct updater_job *job, struct argv *a)
{
    (void)u;
    (void)job;
    argv_add(a, "write");
    for (size_t i = 0; i < config->updater_options.count; i++)
        argv_add(a, config->updater_options.item[i]);
}

static void adapter_environment(const struct device_config *config, const struct updater_job *job,
                                struct argv *env)
{
    argv_printf(env, "FWSSH_DEVICE=%s", job->device);
    argv_printf(env, "FWSSH_TASK=%s", job->task ? job->task : config->task);
    argv_printf(env, "FWSSH_RUN=%s", job->run_dir);
    if (!job->open_end)
        argv_printf(env, "FWSSH_SIZE=%llu", (unsigned long long)job->size);
}

const struct updater_driver updater_adapter = {.is_adapter = true,
                                               .identify = adapter_identify,
                                               .arguments = adapter_arguments,
                                               .environment = adapter_environment,
                                               .judge = adapter_judge};
