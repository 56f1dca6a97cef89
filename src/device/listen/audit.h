/*
 * One line for each connection and each update: who, from where, what came of it, how long. To the
 * log, and to a file that only grows (key audit-file).
 */
#ifndef FWSSH_DEVICE_LISTEN_AUDIT_H
#define FWSSH_DEVICE_LISTEN_AUDIT_H

#include "device/listen/listener.h"
#include "device/receive/result.h"

/* When a connection's session has ended. */
void audit_connection(const struct listener *l, const struct connection *c);

/* When its update has ended. An empty request that was only answered leaves no line. */
void audit_update(const struct listener *l, const struct connection *c,
                  const struct result *result);

#endif
