/* Where a connection comes from. */
#ifndef FWSSH_DEVICE_LISTEN_PEER_H
#define FWSSH_DEVICE_LISTEN_PEER_H

#include <sys/socket.h>

#define PEER_SOURCE_SIZE 46

struct peer {
    char source[PEER_SOURCE_SIZE]; /* the IPv4 address, or the IPv6 network of 64 bits */
    char block[PEER_SOURCE_SIZE];  /* its neighbourhood: the IPv4 network of 24 bits, or source */
    char address[64];              /* with the port, for the log */
};

void peer_name(struct peer *p, const struct sockaddr_storage *address);

#endif
