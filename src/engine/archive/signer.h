/* SPDX-License-Identifier: Apache-2.0 */
/* Where the signature of an archive comes from: a private key on this machine, a command that uses
 * one elsewhere (a token, a signing service), or a file with a signature made earlier. */
#ifndef FWSSH_ENGINE_ARCHIVE_SIGNER_H
#define FWSSH_ENGINE_ARCHIVE_SIGNER_H

#include "engine/archive/keys.h"

struct signer {
    const uint8_t *private_key; /* KEYS_PRIVATE_SIZE bytes, or NULL */
    /*
     * Run by /bin/sh: reads the data to be signed (the bytes of meta.conf, for plain Ed25519) from
     * standard input and writes the signature to standard output, 64 raw bytes or base64. NULL:
     * none.
     */
    const char *command;
    const char *signature_file; /* a file with the signature, or NULL */
    /* If not empty, a signature that matches none of these keys is an error. */
    const struct public_keys *check;
};

/* Whether there is anything to sign with; s may be NULL. */
bool signer_is_set(const struct signer *s);

/* Signs data. 0, or -1 with the error set: EXIT_MISMATCH if no key of check matches. */
int signer_sign(const struct signer *s, const void *data, size_t len,
                uint8_t signature[KEYS_SIGNATURE_SIZE], struct error *err);

#endif
