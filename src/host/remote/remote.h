/* A request to a device's subsystem fwssh, and its answer (PROTOCOL.md, "Subsystem fwssh"). */
#ifndef FWSSH_HOST_REMOTE_REMOTE_H
#define FWSSH_HOST_REMOTE_REMOTE_H

#include "base/buffer.h"
#include "host/command/push_options.h"
#include "wire/facts.h"

#include <stdbool.h>

struct remote_answer {
    int status;   /* enum exit_status */
    bool unknown; /* the device does not offer the subsystem: it is not ours, or older */
    struct facts facts;
    struct buffer text; /* why it failed */
};

/*
 * Asks one thing, such as "status" or "revert reason=x". Several seconds of silence are the
 * device's right: ssh's own limits hold. impatient: for a device that may not be there.
 * remote_free() in any case.
 */
void remote_ask(const struct push_options *o, const char *host, const char *request, bool impatient,
                struct remote_answer *a);
void remote_free(struct remote_answer *a);

#endif
