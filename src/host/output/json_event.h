/* SPDX-License-Identifier: Apache-2.0 */
/* The start of each object that fwssh --json prints. */
#ifndef FWSSH_HOST_OUTPUT_JSON_EVENT_H
#define FWSSH_HOST_OUTPUT_JSON_EVENT_H

#include "base/error.h"
#include "base/json.h"

#include <stdbool.h>

/* Appends {"event":"EVENT","host":"HOST" (members and } follow). */
void json_event(struct buffer *out, const char *event, const char *host);

/* Prints why a command failed that is about no host: on standard error and, with json, as an event.
 * Returns the exit status. */
int json_event_fail(const struct error *err, bool json);

#endif
