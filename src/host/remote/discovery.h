/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Devices that announce themselves on the local network: DNS-SD over mDNS (RFC 6763, RFC 6762),
 * service type _nerves-device._tcp, with the names that Nerves gives to its TXT records. Asked of
 * the host's own resolver: Avahi, else systemd-resolved.
 */
#ifndef FWSSH_HOST_REMOTE_DISCOVERY_H
#define FWSSH_HOST_REMOTE_DISCOVERY_H

#include "base/error.h"
#include "wire/facts.h"

#include <stddef.h>

#define DISCOVERY_TYPE "_nerves-device._tcp"
#define DISCOVERY_MAX 1000

struct discovered {
    char *name;    /* cleaned; owned, as is address */
    char *address; /* numeric; a link-local one with %INTERFACE; NULL: not known (yet) */
    int port;
    struct facts text; /* serial, product, version, uuid and what else it tells; cleaned */
};

struct discovery {
    struct discovered *device; /* no two with the same name */
    size_t count;
};

/* Asks; takes a few seconds. Returns 0, also if there are none, or -1 with the error set:
 * nothing on this host can ask. discovery_free() in any case. */
int discovery_run(struct discovery *d, struct error *err);
void discovery_free(struct discovery *d);

/* What avahi-browse --resolve --parsable has printed. What is malformed is left out. */
void discovery_read_avahi(struct discovery *d, const char *text);

/* What `resolvectl query` has printed for the PTR records of the type: the instances are added as
 * devices without an address. And what `resolvectl service` has for one of them. */
void discovery_read_instances(struct discovery *d, const char *text);
void discovery_read_service(struct discovered *device, const char *text);

#endif
