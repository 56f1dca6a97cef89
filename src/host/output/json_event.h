/* SPDX-License-Identifier: Apache-2.0 */
/* The start of each object that fwssh --json prints. */
#ifndef FWSSH_HOST_OUTPUT_JSON_EVENT_H
#define FWSSH_HOST_OUTPUT_JSON_EVENT_H

#include "base/json.h"

/* Appends {"event":"EVENT","host":"HOST" (members and } follow). */
void json_event(struct buffer *out, const char *event, const char *host);

#endif
