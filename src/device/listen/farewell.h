/* SPDX-License-Identifier: Apache-2.0 */
/* What a client that gets no session is told. */
#ifndef FWSSH_DEVICE_LISTEN_FAREWELL_H
#define FWSSH_DEVICE_LISTEN_FAREWELL_H

/*
 * Sends a version line and an SSH_MSG_DISCONNECT with a text of at most 200 bytes (RFC 4253,
 * sections 4.2, 6 and 11.1), which clients show to their user, and ends the output. Nothing is
 * read, and nothing is waited for.
 */
void farewell_send(int socket, const char *text);

#endif
