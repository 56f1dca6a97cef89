/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which connections get a session, and when. A single connection gets one at once. From a crowd (an
 * address and its neighbours) a few are served at a time; the others are held, which costs a
 * descriptor each but no process. When too many connections wait to log in, the busiest source
 * loses its oldest one. Those of a source with a penalty (penalty.h) are served one after another.
 */
#ifndef FWSSH_DEVICE_LISTEN_ADMISSION_H
#define FWSSH_DEVICE_LISTEN_ADMISSION_H

#include "device/listen/listener.h"

/* Accepts the next connection from a listening socket. */
void admission_accept(struct listener *l, int socket);

/* Starts the session of the oldest held connection when its turn has come. */
void admission_step(struct listener *l, double now);

/* For how many milliseconds the listener may sleep; -1: no limit. */
int admission_patience(const struct listener *l);

/* Counts a connection that has ended without a login against its source. */
void admission_penalize(struct listener *l, const struct connection *c);

/* Logs how many connections sources with a penalty had, a line a minute for each. */
void admission_report(struct listener *l, double now);

#endif
