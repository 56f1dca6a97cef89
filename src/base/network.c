/* SPDX-License-Identifier: Apache-2.0 */
#include "base/network.h"

#include "base/number.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#define MAPPED_BITS 96 /* ::ffff:0:0/96 holds the IPv4 addresses */

static int network_parse_address(const char *text, struct network *n)
{
    *n = (struct network){.family = strchr(text, ':') ? AF_INET6 : AF_INET};
    n->bits = n->family == AF_INET ? 32 : 128;
    return inet_pton(n->family, text, n->bytes) == 1 ? 0 : -1;
}

static void network_unmap(struct network *n)
{
    struct in6_addr six;

    memcpy(&six, n->bytes, sizeof six);
    if (n->family != AF_INET6 || n->bits < MAPPED_BITS || !IN6_IS_ADDR_V4MAPPED(&six))
        return;
    n->family = AF_INET;
    n->bits -= MAPPED_BITS;
    memmove(n->bytes, n->bytes + 12, 4);
    memset(n->bytes + 4, 0, 12);
}

int network_parse(const char *text, struct network *n)
{
    char address[INET6_ADDRSTRLEN];
    size_t len = strcspn(text, "/");
    uint64_t bits;

    if (len >= sizeof address)
        return -1;
    snprintf(address, sizeof address, "%.*s", (int)len, text);
    if (network_parse_address(address, n))
        return -1;
    if (text[len]) {
        const char *number = text + len + 1;
        if (number_parse_decimal(number, strlen(number), &bits) || bits > n->bits)
            return -1;
        n->bits = (unsigned)bits;
    }
    network_unmap(n);
    return 0;
}

bool network_has(const struct network *n, const char *address)
{
    struct network a;
    unsigned whole = n->bits / 8, rest = n->bits % 8;
    uint8_t mask = (uint8_t)(0xff00u >> rest);

    if (strchr(address, '/') || network_parse(address, &a) || a.family != n->family)
        return false;
    return !memcmp(a.bytes, n->bytes, whole) &&
           (!rest || ((a.bytes[whole] ^ n->bytes[whole]) & mask) == 0);
}
