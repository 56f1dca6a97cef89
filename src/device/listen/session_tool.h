/* The session program, started for a connection or asked for what only it can do. */
#ifndef FWSSH_DEVICE_LISTEN_SESSION_TOOL_H
#define FWSSH_DEVICE_LISTEN_SESSION_TOOL_H

#include "base/buffer.h"
#include "device/config/device_config.h"

#include <sys/types.h>

struct host_keys;

/* A new Ed25519 private key, appended to the buffer. */
int session_tool_make_key(const struct device_config *config, struct buffer *text,
                          struct error *err);

/* Has a brief of this configuration checked. What the program prints (ssh/host_key_tool.h) is
 * appended to the report. */
int session_tool_check(const struct device_config *config, const struct host_keys *keys,
                       struct buffer *report, struct error *err);

/* Starts a session, at a lower priority if the daemon is root's. The caller owns its end of the
 * control socket, keeps the connection's, and reaps the process. */
pid_t session_tool_start(const struct device_config *config, const struct host_keys *keys,
                         int connection, int *control, struct error *err);

/* It has logged in: the priority of everybody else. */
void session_tool_raise(pid_t session);

#endif
