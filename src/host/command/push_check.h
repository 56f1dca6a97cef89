/* SPDX-License-Identifier: Apache-2.0 */
/* What a device says of itself before a push: which device it is, and what speaks against sending
 * it this firmware. */
#ifndef FWSSH_HOST_COMMAND_PUSH_CHECK_H
#define FWSSH_HOST_COMMAND_PUSH_CHECK_H

#include "host/command/wait.h"

/* Compares the firmware with the device's status before the update, as far as that is known.
 * Returns -1 to start, else the exit status, with the line for the user. */
int push_check(const struct wait *w, struct buffer *text);

/* Whether the running slot also boots next and, with --wait, is confirmed or needs no confirmation.
 * Only then is a device done that runs this firmware already. */
bool push_check_is_settled(const struct host_options *o, const struct facts *facts);

/* Where nobody named a host, notes which device has answered. */
void push_check_name(const struct wait *w);

/* Appends to the line of a success without --wait what it does not say. */
void push_check_add_open(const struct wait *w, struct buffer *text);

#endif
