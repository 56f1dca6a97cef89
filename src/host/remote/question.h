/* A request to a device's subsystem fwssh, and its answer (wire/request.h, wire/answer.h). */
#ifndef FWSSH_HOST_REMOTE_QUESTION_H
#define FWSSH_HOST_REMOTE_QUESTION_H

#include "host/remote/reach.h"
#include "wire/answer.h"
#include "wire/request.h"

#include <stdbool.h>

struct question {
    int status;   /* enum exit_status */
    bool unknown; /* the device does not offer the subsystem: it is not ours, or older */
    struct facts facts;
    struct buffer text; /* why it failed */
};

/*
 * Asks one thing. impatient: the device may not be there, so the time is short; else a person may
 * be asked for a passphrase or a touch meanwhile. question_free() in any case.
 */
void question_ask(struct question *q, const struct reach *reach, const char *host,
                  const struct request *request, bool impatient);
void question_free(struct question *q);

#endif
