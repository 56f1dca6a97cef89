/* What the listener, which knows nothing of SSH, has done by the session program: making and
 * checking keys. */
#ifndef FWSSH_DEVICE_SESSION_HOST_KEY_TOOL_H
#define FWSSH_DEVICE_SESSION_HOST_KEY_TOOL_H

/* Prints a new Ed25519 private key in OpenSSH's format. Returns the exit status. */
int host_key_tool_make(void);

/*
 * Reads a brief as a session would, and prints what is in it: "host-key TYPE BASE64 FINGERPRINT"
 * for each host key, then "authorized-keys COUNT". Warnings go to standard error.
 */
int host_key_tool_check(void);

#endif
