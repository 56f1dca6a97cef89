/* SPDX-License-Identifier: Apache-2.0 */
/* fwssh-session --make-host-key and --check: what the listener, which does not link libssh, needs
 * done with keys. */
#ifndef FWSSH_DEVICE_SESSION_HOST_KEY_TOOL_H
#define FWSSH_DEVICE_SESSION_HOST_KEY_TOOL_H

#include <libssh/libssh.h>

/* Prints a new Ed25519 private key in OpenSSH's format. Returns the exit status. */
int host_key_tool_make(enum ssh_keytypes_e type);

/*
 * Reads a brief as a session would and prints what is in it: "damaged-key NAME" for each host key
 * that cannot be used (also when it fails for that reason), "host-key TYPE BASE64 FINGERPRINT" for
 * each other one, "authorized-keys COUNT", "libssh VERSION", then "sandbox complete" or "sandbox"
 * with the missing parts (sandbox.h). Warnings go to standard error. Returns the exit status.
 */
int host_key_tool_check(void);

#endif
