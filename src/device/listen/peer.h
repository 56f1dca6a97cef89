/* SPDX-License-Identifier: Apache-2.0 */
/* The client's address, and how addresses are grouped. */
#ifndef FWSSH_DEVICE_LISTEN_PEER_H
#define FWSSH_DEVICE_LISTEN_PEER_H

#include <sys/socket.h>

#define PEER_SOURCE_SIZE 46

struct peer {
    char source[PEER_SOURCE_SIZE]; /* the IPv4 address, or the IPv6 /64 network */
    char block[PEER_SOURCE_SIZE];  /* its neighbourhood: the IPv4 /24 network, or source */
    char host[PEER_SOURCE_SIZE];   /* the address */
    char address[64];              /* with the port, for the log */
};

/* Fills all texts. An IPv4-mapped IPv6 address counts as IPv4. */
void peer_name(struct peer *p, const struct sockaddr_storage *address);

#endif
