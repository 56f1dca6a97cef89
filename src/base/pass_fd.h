/* SPDX-License-Identifier: Apache-2.0 */
/* Records over SOCK_SEQPACKET sockets, with file descriptors attached (SCM_RIGHTS, unix(7)). */
#ifndef FWSSH_BASE_PASS_FD_H
#define FWSSH_BASE_PASS_FD_H

#include <stddef.h>

#define PASS_FD_MAX 3

/* Sends one record with count descriptors. 0, or -1 with errno set (EAGAIN on a full non-blocking
 * socket). */
int pass_fd_send(int socket, const void *record, size_t size, const int *fds, int count);

/*
 * Receives one record of exactly size bytes. fds (room for PASS_FD_MAX) gets the descriptors,
 * close-on-exec and owned by the caller, and -1 in unused places. 1, 0 at end of file, -1 with
 * errno set (EPROTO: wrong size).
 */
int pass_fd_receive(int socket, void *record, size_t size, int *fds);

#endif
