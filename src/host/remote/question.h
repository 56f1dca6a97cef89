/* SPDX-License-Identifier: Apache-2.0 */
/* A request to a device's subsystem fwssh, and its answer (wire/request.h, wire/answer.h). */
#ifndef FWSSH_HOST_REMOTE_QUESTION_H
#define FWSSH_HOST_REMOTE_QUESTION_H

#include "host/remote/ssh_command.h"
#include "wire/answer.h"
#include "wire/request.h"

#include <stdbool.h>

struct question {
    int status;           /* enum exit_status */
    bool checks_host_key; /* ssh refuses another host key than the one that it knows */
    bool answered;        /* the device itself has said what status is */
    bool unknown; /* the device has no such subsystem: another SSH server, or an old fwsshd */
    struct facts facts;
    struct buffer text; /* why it failed */
};

/*
 * Sends a request and waits for the answer. impatient: the device may be away, so the time limit is
 * short; otherwise the user may be prompted for a passphrase or a touch. A reboot is also asked of
 * a server that knows only nerves_firmware_ssh. EXIT_UNCONFIRMED if a request that changes
 * something was sent and not answered. question_free() in any case.
 */
void question_ask(struct question *q, const struct reach *reach, const char *host,
                  const struct request *request, bool impatient);

/* The same through a call that is prepared already, whose subsystem speaks as fwssh does. */
void question_ask_through(struct question *q, const struct ssh_call *call,
                          const struct request *request);
void question_fail(struct question *q, int status, const char *text);
void question_free(struct question *q);

/* Whether a host may take firmware at ssh's own port, in the subsystem fwup, as Nerves devices of
 * today do. Looks at the name of its SSH server only, and asks nothing of the user or the host;
 * false if it cannot be found out. */
bool question_may_have_fwup(const struct reach *reach, const char *host);

#endif
