/* SPDX-License-Identifier: Apache-2.0 */
/* The brief as the session uses it: keys imported, numbers parsed. */
#ifndef FWSSH_DEVICE_SESSION_SESSION_BRIEF_H
#define FWSSH_DEVICE_SESSION_SESSION_BRIEF_H

#include "base/buffer.h"
#include "base/error.h"
#include "base/log.h"
#include "device/session/authorized_keys.h"

#include <libssh/libssh.h>

#define SESSION_HOST_KEYS_MAX 8

/*
 * What "post-quantum" in the key kex stands for: those of these that libssh supports (before 0.12:
 * none).
 */
#define SESSION_KEX_POST_QUANTUM                                                                   \
    "mlkem768x25519-sha256,sntrup761x25519-sha512,sntrup761x25519-sha512@openssh.com"

struct session_brief {
    size_t host_key_count;
    ssh_key host_key[SESSION_HOST_KEYS_MAX];
    struct authorized_keys keys;
    char *ciphers, *macs, *kex;
    int grace_seconds, idle_seconds;
    unsigned uid; /* the user that the session becomes */
    enum log_level log_level;
    bool ask_keys;         /* authorized-keys-command may know more keys */
    struct buffer damaged; /* "damaged-key NAME\n" of those left out; also after a failure */
    bool complain;         /* warn about host keys that cannot be used */
};

/*
 * Reads the brief from a descriptor. Host keys that cannot be used are left out (complain: with a
 * warning); if none is left, that is an error. Returns 0, or -1 with
 * the error set; session_brief_free() in any case.
 */
int session_brief_read(struct session_brief *b, int fd, bool complain, struct error *err);
void session_brief_free(struct session_brief *b);

#endif
