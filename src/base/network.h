/* SPDX-License-Identifier: Apache-2.0 */
/* Numeric addresses and networks, as people write them: ADDRESS or ADDRESS/BITS. */
#ifndef FWSSH_BASE_NETWORK_H
#define FWSSH_BASE_NETWORK_H

#include <stdbool.h>
#include <stdint.h>

struct network {
    int family;        /* AF_INET or AF_INET6; an IPv4-mapped IPv6 address counts as IPv4 */
    uint8_t bytes[16]; /* the first 4 of an IPv4 address */
    unsigned bits;     /* length of the prefix; of a single address all its bits */
};

/* Names, zones and shortened IPv4 addresses are not accepted. Returns 0 or -1. */
int network_parse(const char *text, struct network *n);

/* Whether a numeric address lies within the network; false for any other text. */
bool network_has(const struct network *n, const char *address);

#endif
