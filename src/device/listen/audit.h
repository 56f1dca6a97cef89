/* SPDX-License-Identifier: Apache-2.0 */
/* One line for each connection and each update: who, from where, the outcome, how long it took.
 * Written to the log and, if the key audit-file is set, appended to that file; when it is full
 * (audit-file-size), it is renamed to FILE.1 and a new one is begun. */
#ifndef FWSSH_DEVICE_LISTEN_AUDIT_H
#define FWSSH_DEVICE_LISTEN_AUDIT_H

#include "device/listen/listener.h"
#include "device/receive/result.h"

/* Called when a connection's session has ended. */
void audit_connection(const struct listener *l, const struct connection *c);

/* Connections of a source with a penalty, which get no lines of their own. */
void audit_source(const struct listener *l, const char *source, unsigned count);

/* Called when its update or request has ended. A query (result->asked) leaves no line. */
void audit_update(const struct listener *l, const struct connection *c,
                  const struct result *result);

#endif
