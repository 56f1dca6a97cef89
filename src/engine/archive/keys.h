/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ed25519 signing keys (RFC 8032), base64 or raw, in files or as text (docs/fw-format.md, "Keys").
 */
#ifndef FWSSH_ENGINE_ARCHIVE_KEYS_H
#define FWSSH_ENGINE_ARCHIVE_KEYS_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KEYS_PUBLIC_SIZE 32
#define KEYS_PRIVATE_SIZE 64 /* seed, then the public key */
#define KEYS_SIGNATURE_SIZE 64
#define KEYS_MAX 10 /* public keys tried, as in fwup */

struct public_keys {
    int count;
    uint8_t key[KEYS_MAX][KEYS_PUBLIC_SIZE];
};

/* Reads a key of size bytes from base64 text (with or without padding; trailing whitespace is
 * allowed), or from a file that holds it raw or in base64. 0, or -1 with the error set. */
int keys_parse(const char *text, uint8_t *key, size_t size, struct error *err);
int keys_read_file(const char *path, uint8_t *key, size_t size, struct error *err);

/*
 * Creates PREFIX.pub (mode 0644) and PREFIX.priv (mode 0600), in base64; never overwrites a file.
 */
int keys_generate(const char *prefix, struct error *err);

void keys_sign(const uint8_t private_key[KEYS_PRIVATE_SIZE], const void *data, size_t len,
               uint8_t signature[KEYS_SIGNATURE_SIZE]);

/* True if any of the keys made the signature. */
bool keys_verify(const struct public_keys *keys, const uint8_t signature[KEYS_SIGNATURE_SIZE],
                 const void *data, size_t len);

#endif
