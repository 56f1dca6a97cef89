/*
 * Keys that a command of the site knows (key authorized-keys-command, as sshd's
 * AuthorizedKeysCommand): asked for one key of one login, it prints lines of authorized_keys. Which
 * of them allow the login is the session's business; it gets the text as it is.
 */
#ifndef FWSSH_DEVICE_LISTEN_KEY_COMMAND_H
#define FWSSH_DEVICE_LISTEN_KEY_COMMAND_H

#include "device/listen/listener.h"

/* A session asks. question: "USER TYPE FINGERPRINT BASE64" (record.h). The answer comes later; when
 * the command cannot be run, at once and empty. */
void key_command_ask(struct listener *l, struct connection *c, const char *question);

/* The command has ended: answers the session. What a failed command has printed does not count. */
void key_command_end(struct connection *c, int status);

/* Ends a command that takes too long, or whose session is gone. */
void key_command_check(const struct connection *c, double now);

#endif
