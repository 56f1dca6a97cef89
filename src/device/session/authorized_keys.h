/* SPDX-License-Identifier: Apache-2.0 */
/* The keys that may log in, in the format of sshd(8), AUTHORIZED_KEYS FILE FORMAT. */
#ifndef FWSSH_DEVICE_SESSION_AUTHORIZED_KEYS_H
#define FWSSH_DEVICE_SESSION_AUTHORIZED_KEYS_H

#include <libssh/libssh.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct authorized_key {
    ssh_key key;
    char *comment;
    const char *type;  /* static */
    unsigned rsa_bits; /* approximately; 0 for other types */
    char *from;        /* address patterns, or NULL */
    int64_t expires;   /* seconds since 1970; 0: never */
};

struct authorized_keys {
    size_t count;
    struct authorized_key *key;
    size_t refused; /* ignored lines */
    bool complain;  /* log them */
};

/*
 * Adds the keys in a text. The options from and expiry-time are enforced; options about what is not
 * offered anyway (restrict, no-pty ...) have no effect. A line that cannot be parsed, or has any
 * other option, is ignored. If keys->complain is set, a warning gives name (a file), line number
 * and reason; it never shows what the line contains, which may be a secret.
 */
void authorized_keys_add(struct authorized_keys *keys, const char *name, const char *text,
                         size_t len);
void authorized_keys_free(struct authorized_keys *keys);

/* How many have not expired at this time (seconds since 1970). */
size_t authorized_keys_count(const struct authorized_keys *keys, int64_t now);

/*
 * Returns the first entry with this public key whose options allow a login from this numeric
 * address at this time (seconds since 1970), or NULL with the reason (a static text) in *why.
 * Certificates and security keys never match.
 */
const struct authorized_key *authorized_keys_find(const struct authorized_keys *keys, ssh_key key,
                                                  const char *address, int64_t now,
                                                  const char **why);

bool authorized_keys_is_certificate(ssh_key key);

/* libssh does not show whether the key has been touched (the flags of its signature), so these are
 * not accepted. */
bool authorized_keys_is_security_key(enum ssh_keytypes_e type);

#endif
