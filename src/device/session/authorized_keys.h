/* The keys that may log in: lines as of sshd(8), AUTHORIZED_KEYS FILE FORMAT. */
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
    unsigned rsa_bits; /* about; 0 for other kinds */
    char *from;        /* patterns of addresses, or NULL */
    int64_t expires;   /* seconds since 1970; 0: never */
};

struct authorized_keys {
    size_t count;
    struct authorized_key *key;
    size_t refused; /* lines that are not used, each told in the log */
};

/*
 * Adds the keys of a text. Honoured are from and expiry-time; what is not offered anyway (restrict,
 * no-pty ...) is no matter. A line that cannot be understood, or has another option, is not used
 * and is told as a warning that names the file and line.
 */
void authorized_keys_add(struct authorized_keys *keys, const char *name, const char *text,
                         size_t len);
void authorized_keys_free(struct authorized_keys *keys);

/*
 * The first entry with that public key whose options allow a login from that numeric address at
 * that time (seconds since 1970); NULL with the reason in *why. Certificates never match.
 */
const struct authorized_key *authorized_keys_find(const struct authorized_keys *keys, ssh_key key,
                                                  const char *address, int64_t now,
                                                  const char **why);

bool authorized_keys_is_certificate(ssh_key key);

#endif
