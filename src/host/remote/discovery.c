/* SPDX-License-Identifier: Apache-2.0 */
#include "host/remote/discovery.h"

#include "base/io.h"
#include "base/memory.h"
#include "base/run.h"

#include <stdlib.h>
#include <string.h>

#define DISCOVERY_SECONDS 10
#define DISCOVERY_ALL_SECONDS 60
#define DISCOVERY_TEXT_MAX (1u << 20)

/* Whether it has run and succeeded; run_free() in any case. */
static bool discovery_ask(char *const *argv, struct run_result *result)
{
    const struct run run = {.argv = argv,
                            .output = RUN_KEEP,
                            .errors = RUN_DROP,
                            .keep = DISCOVERY_TEXT_MAX,
                            .seconds = DISCOVERY_SECONDS,
                            .env = (char *[]){"LC_ALL=C", NULL},
                            .detached = true};
    struct error ignored;

    return !run_program(&run, result, &ignored) && run_succeeded(result);
}

static bool discovery_ask_avahi(struct discovery *d)
{
    char *argv[] = {"avahi-browse",   "--resolve",    "--terminate", "--parsable",
                    "--no-db-lookup", DISCOVERY_TYPE, NULL};
    struct run_result result;
    bool ran = discovery_ask(argv, &result);

    if (ran)
        discovery_read_avahi(d, buffer_text(&result.text));
    run_free(&result);
    return ran;
}

static void discovery_ask_resolved_for(struct discovered *device)
{
    char *argv[] = {"resolvectl", "service", device->name, DISCOVERY_TYPE, "local", NULL};
    struct run_result result;

    if (*device->name == '-')
        return;
    if (discovery_ask(argv, &result))
        discovery_read_service(device, buffer_text(&result.text));
    run_free(&result);
}

/* It fails in the same way without a resolver and without any device. */
static bool discovery_ask_resolved(struct discovery *d)
{
    char *argv[] = {"resolvectl", "query", "--protocol=mdns", "--type=PTR", DISCOVERY_TYPE ".local",
                    NULL};
    struct run_result result;
    double until = io_now() + DISCOVERY_ALL_SECONDS;
    bool ran = discovery_ask(argv, &result);

    if (ran)
        discovery_read_instances(d, buffer_text(&result.text));
    run_free(&result);
    for (size_t i = 0; i < d->count && io_now() < until; i++)
        discovery_ask_resolved_for(&d->device[i]);
    return ran;
}

static void discovered_free(struct discovered *d)
{
    free(d->name);
    free(d->address);
    facts_free(&d->text);
}

/* What has no address cannot be reached. */
static void discovery_drop_incomplete(struct discovery *d)
{
    size_t kept = 0;

    for (size_t i = 0; i < d->count; i++)
        if (d->device[i].address && d->device[i].port)
            d->device[kept++] = d->device[i];
        else
            discovered_free(&d->device[i]);
    d->count = kept;
}

static int discovery_order(const void *a, const void *b)
{
    return strcmp(((const struct discovered *)a)->name, ((const struct discovered *)b)->name);
}

int discovery_run(struct discovery *d, struct error *err)
{
    *d = (struct discovery){0};
    if (!discovery_ask_avahi(d) && !discovery_ask_resolved(d))
        return error_set(err, EXIT_UNREACHABLE,
                         "no devices were found through mDNS: avahi-browse cannot be run or its "
                         "daemon does not answer, and resolvectl has found none; install "
                         "avahi-daemon and avahi-utils, or name the devices");
    discovery_drop_incomplete(d);
    if (d->count)
        qsort(d->device, d->count, sizeof *d->device, discovery_order);
    return 0;
}

void discovery_free(struct discovery *d)
{
    for (size_t i = 0; i < d->count; i++)
        discovered_free(&d->device[i]);
    free(d->device);
    *d = (struct discovery){0};
}
