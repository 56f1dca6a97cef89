/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keys from a command (key authorized-keys-command, like sshd's AuthorizedKeysCommand). It is run
 * for one key of one login and prints lines in authorized_keys format. The session gets its output
 * unparsed and decides whether one of the lines allows the login.
 */
#ifndef FWSSH_DEVICE_LISTEN_KEY_COMMAND_H
#define FWSSH_DEVICE_LISTEN_KEY_COMMAND_H

#include "device/listen/listener.h"

/* Runs the command for a session. question: "USER TYPE FINGERPRINT BASE64" (record.h). The answer
 * is sent when the command has exited, or at once and empty if it cannot be run. */
void key_command_ask(struct listener *l, struct connection *c, const char *question);

/* Answers the session when the command has exited. The output of a failed command is ignored.
 * status: from waitpid(2). */
void key_command_end(struct connection *c, int status);

/* Kills a command that has run for 10 seconds, or whose session is gone. */
void key_command_check(const struct connection *c, double now);

#endif
