/* SPDX-License-Identifier: Apache-2.0 */
/* What avahi-browse and resolvectl print. Whoever is on the network has chosen the texts. */
#include "base/clean.h"
#include "base/memory.h"
#include "base/number.h"
#include "host/remote/discovery.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* A decimal escape of DNS (RFC 1035, 5.1) stands for a byte, any other for its character. */
static const char *discovery_unescape(const char *p, char *out)
{
    int value = 0, digits = 0;

    if (*p != '\\' || !p[1]) {
        *out = *p;
        return p + 1;
    }
    for (p++; digits < 3 && isdigit((unsigned char)p[digits]); digits++)
        value = value * 10 + p[digits] - '0';
    *out = digits == 3 && value && value < 256 ? (char)value : *p;
    return p + (digits == 3 ? 3 : 1);
}

static char *discovery_name(const char *text)
{
    char *name = memory_new(strlen(text) + 1, 1), *end = name;

    while (*text)
        text = discovery_unescape(text, end++);
    clean_line(name);
    return name;
}

/* A name is unique on one link only; the serial number tells its devices apart, if both say one. */
static bool discovery_is_same(const struct discovered *d, const char *name, const char *serial)
{
    const char *theirs = facts_get(&d->text, "serial");

    return !strcmp(d->name, name) && (!*serial || !*theirs || !strcmp(serial, theirs));
}

/* serial: "" if it is not known. */
static struct discovered *discovery_find(struct discovery *d, const char *escaped,
                                         const char *serial)
{
    char *name = discovery_name(escaped);

    for (size_t i = 0; i < d->count; i++)
        if (discovery_is_same(&d->device[i], name, serial)) {
            free(name);
            return &d->device[i];
        }
    if (d->count == DISCOVERY_MAX || !*name) {
        free(name);
        return NULL;
    }
    d->device = memory_resize(d->device, (d->count + 1) * sizeof *d->device);
    d->device[d->count] = (struct discovered){.name = name};
    return &d->device[d->count++];
}

/* "NAME=VALUE"; a name without a value is none of ours. */
static void discovery_add_text(struct facts *f, char *text)
{
    char *value = strchr(text, '=');

    if (!value)
        return;
    *value = '\0';
    facts_set(f, text, value + 1);
}

static bool discovery_is_address(const char *text, bool *is_ipv4)
{
    unsigned char address[16];

    *is_ipv4 = inet_pton(AF_INET, text, address) == 1;
    return *is_ipv4 || inet_pton(AF_INET6, text, address) == 1;
}

static bool discovery_is_interface(const char *text)
{
    const char *p = text;

    while (isalnum((unsigned char)*p) || (*p && strchr("._-:@", *p)))
        p++;
    return p > text && !*p;
}

/* IPv4 is preferred, as everything understands it. */
static void discovery_set_address(struct discovered *d, const char *text, const char *interface)
{
    bool is_ipv4, is_local = !strncmp(text, "fe80:", 5);

    if (!discovery_is_address(text, &is_ipv4) || (d->address && !is_ipv4) ||
        (is_local && !discovery_is_interface(interface)))
        return;
    free(d->address);
    d->address = is_local ? memory_printf("%s%%%s", text, interface) : memory_text(text);
}

/* 0: it is none. */
static int discovery_port(const char *text)
{
    uint64_t port;

    return number_parse_decimal(text, strlen(text), &port) || port > 65535 ? 0 : (int)port;
}

/* "NAME=VALUE" "NAME=VALUE"..., with escapes. */
static void discovery_add_quoted(struct facts *f, const char *p)
{
    while ((p = strchr(p, '"'))) {
        char *text = memory_new(strlen(p), 1), *end = text;
        for (p++; *p && *p != '"';)
            p = discovery_unescape(p, end++);
        discovery_add_text(f, text);
        free(text);
        p += *p == '"';
    }
}

/* =;INTERFACE;IPv4;NAME;TYPE;DOMAIN;HOST;ADDRESS;PORT;TEXT */
static void discovery_read_avahi_line(struct discovery *d, char *line)
{
    enum { MARK, INTERFACE, FAMILY, NAME, TYPE, DOMAIN, HOST, ADDRESS, PORT, FIELDS };
    char *field[FIELDS];

    for (size_t i = 0; i < FIELDS; i++)
        if (!(field[i] = strsep(&line, ";")))
            return;
    int port = discovery_port(field[PORT]);
    if (!port || strcmp(field[MARK], "=") != 0)
        return;
    struct facts text = {0};
    if (line)
        discovery_add_quoted(&text, line);
    struct discovered *device = discovery_find(d, field[NAME], facts_get(&text, "serial"));
    if (device) {
        device->port = port;
        discovery_set_address(device, field[ADDRESS], field[INTERFACE]);
        for (size_t i = 0; i < text.count; i++)
            facts_set(&device->text, text.fact[i].name, text.fact[i].value);
    }
    facts_free(&text);
}

void discovery_read_avahi(struct discovery *d, const char *text)
{
    char *copy = memory_text(text), *rest = copy;

    for (char *line; (line = strsep(&rest, "\n"));)
        discovery_read_avahi_line(d, line);
    free(copy);
}

/* TYPE.local IN PTR NAME.TYPE.local -- link: INTERFACE */
void discovery_read_instances(struct discovery *d, const char *text)
{
    static const char mark[] = " IN PTR ", end[] = "." DISCOVERY_TYPE ".local";
    char *copy = memory_text(text), *rest = copy;

    for (char *line; (line = strsep(&rest, "\n"));) {
        char *name = strstr(line, mark), *type = name ? strstr(name, end) : NULL;
        if (!type)
            continue;
        *type = '\0';
        discovery_find(d, name + strlen(mark), "");
    }
    free(copy);
}

/* One of: NAME/TYPE/local: HOST:PORT [priority=0, weight=0]; ADDRESS -- link: INTERFACE;
 * NAME=VALUE, with escapes. */
static void discovery_read_service_line(struct discovered *d, char *line)
{
    char *port = strstr(line, " [priority="), *link = strstr(line, " -- link: ");

    if (port) {
        *port = '\0';
        char *colon = strrchr(line, ':');
        int number = colon ? discovery_port(colon + 1) : 0;
        d->port = number ? number : d->port;
    } else if (link) {
        line[strcspn(line, " ")] = '\0';
        discovery_set_address(d, line, link + strlen(" -- link: "));
    } else if (*line != '-') {
        char *fact = discovery_name(line);
        discovery_add_text(&d->text, fact);
        free(fact);
    }
}

void discovery_read_service(struct discovered *device, const char *text)
{
    char *copy = memory_text(text), *rest = copy;

    for (char *line; (line = strsep(&rest, "\n"));)
        discovery_read_service_line(device, line + strspn(line, " "));
    free(copy);
}
