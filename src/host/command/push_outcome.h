/* The outcome of a push, from how ssh ended and how much had been sent by then. */
#ifndef FWSSH_HOST_COMMAND_PUSH_OUTCOME_H
#define FWSSH_HOST_COMMAND_PUSH_OUTCOME_H

#include "host/command/host_options.h"
#include "host/remote/transfer.h"

/* Returns the exit status; the line for the user is appended to text. */
int push_outcome(const struct host_options *o, const struct transfer *t,
                 const struct ssh_target *target, struct buffer *text);

#endif
