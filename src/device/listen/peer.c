/* SPDX-License-Identifier: Apache-2.0 */
#include "device/listen/peer.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

static void peer_name_four(struct peer *p, const struct in_addr *address, unsigned port)
{
    inet_ntop(AF_INET, address, p->source, sizeof p->source);
    char *end = strrchr(p->source, '.');
    snprintf(p->block, sizeof p->block, "%.*s", end ? (int)(end - p->source) : 0, p->source);
    memcpy(p->host, p->source, sizeof p->host);
    snprintf(p->address, sizeof p->address, "%s:%u", p->source, port);
}

/* A host usually has a whole /64, so that is one source. */
static void peer_name_six(struct peer *p, const struct in6_addr *address, unsigned port)
{
    struct in6_addr network = *address;

    memset(network.s6_addr + 8, 0, 8);
    inet_ntop(AF_INET6, &network, p->source, sizeof p->source);
    memcpy(p->block, p->source, sizeof p->block);
    inet_ntop(AF_INET6, address, p->host, sizeof p->host);
    snprintf(p->address, sizeof p->address, "[%s]:%u", p->host, port);
}

void peer_name(struct peer *p, const struct sockaddr_storage *address)
{
    const struct sockaddr_in *four = (const struct sockaddr_in *)address;
    const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)address;
    struct in_addr mapped;

    *p = (struct peer){0};
    if (address->ss_family != AF_INET6) {
        peer_name_four(p, &four->sin_addr, ntohs(four->sin_port));
    } else if (IN6_IS_ADDR_V4MAPPED(&six->sin6_addr)) {
        memcpy(&mapped, six->sin6_addr.s6_addr + 12, sizeof mapped);
        peer_name_four(p, &mapped, ntohs(six->sin6_port));
    } else {
        peer_name_six(p, &six->sin6_addr, ntohs(six->sin6_port));
    }
}
