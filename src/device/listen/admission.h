/*
 * Which connections get a session, and when. One that comes alone gets it at once. Of a crowd (its
 * address and its neighbours) a few are served at a time: the others are held, which costs a
 * descriptor each and no process. When too many wait to log in, the busiest source loses its
 * oldest; a newcomer is not turned away, unless its source has a penalty (penalty.h).
 */
#ifndef FWSSH_DEVICE_LISTEN_ADMISSION_H
#define FWSSH_DEVICE_LISTEN_ADMISSION_H

#include "device/listen/listener.h"

/* Takes the next connection from a listening socket. */
void admission_accept(struct listener *l, int socket);

/* Starts the session of one that is held, when it is time. */
void admission_step(struct listener *l, double now);

/* Milliseconds that the listener may wait for something else; -1: as long as it likes. */
int admission_patience(const struct listener *l);

/* A connection has ended without a login. */
void admission_penalize(struct listener *l, const struct connection *c);

#endif
