/* SPDX-License-Identifier: Apache-2.0 */
/* Runs fwssh-session: for a connection, or for a task that needs libssh. */
#ifndef FWSSH_DEVICE_LISTEN_SESSION_TOOL_H
#define FWSSH_DEVICE_LISTEN_SESSION_TOOL_H

#include "base/buffer.h"
#include "device/config/device_config.h"

#include <stdint.h>
#include <sys/types.h>

struct host_keys;

/* Appends a new Ed25519 private key to text. Returns 0, or -1 with the error set. */
int session_tool_make_key(const struct device_config *config, struct buffer *text,
                          struct error *err);

/* The same for an ECDSA key (P-256), which clients without Ed25519 need. */
int session_tool_make_ecdsa_key(const struct device_config *config, struct buffer *text,
                                struct error *err);

/* Has fwssh-session check a brief with this configuration and these keys. What it prints
 * (device/session/host_key_tool.h) is appended to report, also after a failure. *told is set, see
 * login_keys_add(). Returns 0, or -1 with the error set. */
int session_tool_check(const struct device_config *config, const struct host_keys *keys,
                       uint64_t *told, struct buffer *report, struct error *err);

/*
 * Starts a session for a connection, at a lower priority if fwsshd runs as root. The caller closes
 * connection and *control, the listener's end of the control socket, and reaps the process. Returns
 * its process id, or -1 with the error set.
 */
pid_t session_tool_start(const struct device_config *config, const struct host_keys *keys,
                         uint64_t *told, int connection, int *control, struct error *err);

/* Restores the normal priority after a login. */
void session_tool_raise(pid_t session);

#endif
