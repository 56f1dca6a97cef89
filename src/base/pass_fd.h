/* Records over SOCK_SEQPACKET sockets, with descriptors in their company (SCM_RIGHTS, unix(7)). */
#ifndef FWSSH_BASE_PASS_FD_H
#define FWSSH_BASE_PASS_FD_H

#include <stddef.h>

#define PASS_FD_MAX 3

/* Sends one record with count descriptors. 0, or -1 with errno (EAGAIN on a full non-blocking
 * socket). */
int pass_fd_send(int socket, const void *record, size_t size, const int *fds, int count);

/*
 * Receives one record of exactly that size. fds (room for PASS_FD_MAX) gets the descriptors,
 * close-on-exec, which become the caller's, and -1 in the other places. 1, 0 at the end, -1 with
 * errno (EPROTO: another size).
 */
int pass_fd_receive(int socket, void *record, size_t size, int *fds);

#endif
