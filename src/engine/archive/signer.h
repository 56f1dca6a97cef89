/*
 * Who signs an archive: a private key that is here, a command that reaches one elsewhere (a token,
 * a signing service), or somebody who has signed already.
 */
#ifndef FWSSH_ENGINE_ARCHIVE_SIGNER_H
#define FWSSH_ENGINE_ARCHIVE_SIGNER_H

#include "engine/archive/keys.h"

struct signer {
    const uint8_t *private_key; /* KEYS_PRIVATE_SIZE bytes, or NULL */
    /* Run by /bin/sh: reads what is to be signed (the bytes of meta.conf, plain Ed25519), writes
     * the signature, 64 raw bytes or base64. NULL: none. */
    const char *command;
    const char *signature_file; /* the same in a file, or NULL */
    /* If there are any, a signature that none of them matches is an error. */
    const struct public_keys *check;
};

bool signer_is_set(const struct signer *s);

int signer_sign(const struct signer *s, const void *data, size_t len,
                uint8_t signature[KEYS_SIGNATURE_SIZE], struct error *err);

#endif
