/* SPDX-License-Identifier: Apache-2.0 */
#include "host/command/discover.h"

#include "base/memory.h"
#include "host/command/host_list.h"
#include "host/output/ask_yes.h"
#include "host/output/json_event.h"
#include "host/remote/discovery.h"
#include "host/remote/reach.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* As a host for push: ADDRESS, or with another port ADDRESS:PORT or [ADDRESS]:PORT. */
static char *discover_host(const struct discovered *d)
{
    bool is_ipv6 = strchr(d->address, ':') != NULL;

    if (d->port == REACH_DEFAULT_PORT)
        return memory_text(d->address);
    return memory_printf(is_ipv6 ? "[%s]:%d" : "%s:%d", d->address, d->port);
}

static void discover_print_json(const struct discovered *d)
{
    static const char *const names[] = {"serial",   "product",      "version",
                                        "platform", "architecture", "uuid"};
    struct buffer line = {0};
    char *host = discover_host(d);

    json_event(&line, "discovered", host);
    json_member(&line, "name", d->name);
    json_member(&line, "address", d->address);
    buffer_printf(&line, ",\"port\":%d", d->port);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *text = facts_get(&d->text, names[i]);
        json_member(&line, names[i], *text ? text : NULL);
    }
    buffer_add_text(&line, "}");
    puts(buffer_text(&line));
    buffer_free(&line);
    free(host);
}

/* NAME  HOST  serial SERIAL, PRODUCT VERSION (UUID) */
static void discover_print(const struct discovered *d, int width)
{
    const char *serial = facts_get(&d->text, "serial"), *product = facts_get(&d->text, "product"),
               *uuid = facts_get(&d->text, "uuid"), *version = facts_get(&d->text, "version");
    char *host = discover_host(d);

    printf("%-*s  %-15s  serial %s, %s%s%s", width, d->name, host, *serial ? serial : "unknown",
           *product ? product : "unknown product", *version ? " " : "", version);
    if (*uuid)
        printf(" (%s)", uuid);
    putchar('\n');
    free(host);
}

static void discover_print_all(const struct discovery *d, bool json)
{
    size_t width = 0;

    for (size_t i = 0; i < d->count; i++)
        if (strlen(d->device[i].name) > width)
            width = strlen(d->device[i].name);
    for (size_t i = 0; i < d->count; i++)
        if (json)
            discover_print_json(&d->device[i]);
        else
            discover_print(&d->device[i], (int)width);
}

static int discover_find(struct discovery *d, struct error *err)
{
    if (discovery_run(d, err))
        return -1;
    if (!d->count)
        return error_set(err, EXIT_UNREACHABLE,
                         "no device announces itself here (" DISCOVERY_TYPE
                         " over mDNS, which stays in the local network)");
    return 0;
}

int discover_run(const struct host_options *o)
{
    struct discovery d;
    struct error err;
    int status = EXIT_DONE;

    if (discover_find(&d, &err))
        status = json_event_fail(&err, o->output.json);
    else
        discover_print_all(&d, o->output.json);
    discovery_free(&d);
    return status;
}

/* Anybody on the network can announce a device. */
static int discover_ask(const struct host_options *o, const struct discovery *d, struct error *err)
{
    char question[80];

    if (o->yes)
        return 0;
    if (o->output.json || !ask_yes_is_possible())
        return error_set(err, EXIT_USAGE,
                         "--discovered asks before it pushes, which takes a terminal, and no "
                         "--json; fwssh discover shows the devices, and --yes answers");
    discover_print_all(d, false);
    snprintf(question, sizeof question, "Push to %s %zu device%s?",
             d->count == 1 ? "this" : "these", d->count, d->count == 1 ? "" : "s");
    return ask_yes(question) ? 0 : error_set(err, EXIT_INTERRUPTED, "nothing was pushed");
}

int discover_add_hosts(struct host_options *o, struct error *err)
{
    struct discovery d;
    struct buffer lines = {0};

    int rc = discover_find(&d, err) || discover_ask(o, &d, err) ? -1 : 0;
    for (size_t i = 0; i < d.count && !rc; i++) {
        char *host = discover_host(&d.device[i]);
        buffer_printf(&lines, "%s\n", host);
        free(host);
    }
    discovery_free(&d);
    if (!rc)
        rc = host_list_take(&o->fleet, &lines, err) ||
             fleet_options_set_max_failures(&o->fleet, err);
    if (!rc)
        host_list_unite(o);
    buffer_free(&lines);
    return rc ? -1 : 0;
}
