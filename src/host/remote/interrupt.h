/* SPDX-License-Identifier: Apache-2.0 */
/* SIGINT, SIGTERM and SIGHUP, which are only counted. */
#ifndef FWSSH_HOST_REMOTE_INTERRUPT_H
#define FWSSH_HOST_REMOTE_INTERRUPT_H

#include <poll.h>
#include <stdbool.h>

/* From now on these signals are counted instead of ending the program. */
void interrupt_watch(void);

/* Whether one has arrived; how many. */
bool interrupt_came(void);
int interrupt_count(void);

/* poll(2) that one of them always ends, even if it arrives just before the call: -1 with EINTR. */
int interrupt_poll(struct pollfd *p, nfds_t count, int timeout_ms);

/* Waits for the given seconds, or until one arrives. */
void interrupt_pause(double seconds);

#endif
