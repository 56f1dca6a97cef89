/* SPDX-License-Identifier: Apache-2.0 */
/* The outcome of a push, from how ssh ended and how much had been sent by then. */
#ifndef FWSSH_HOST_COMMAND_PUSH_OUTCOME_H
#define FWSSH_HOST_COMMAND_PUSH_OUTCOME_H

#include "host/command/host_options.h"
#include "host/remote/transfer.h"

/* Whether a reported success is not to be believed unless the device runs fwsshd: there is no other
 * sign of it in the text (a quiet updater, or nerves_firmware_ssh 0.3 after a failure). */
bool push_outcome_is_doubtful(const struct host_options *o, const struct transfer *t);

/* Returns the exit status; the line for the user is appended to text. trusted: the device is known
 * to run fwsshd, so its exit status is true. */
int push_outcome(const struct host_options *o, const struct transfer *t,
                 const struct ssh_target *target, bool trusted, struct buffer *text);

#endif
