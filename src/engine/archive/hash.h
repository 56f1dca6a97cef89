/* SPDX-License-Identifier: Apache-2.0 */
/* BLAKE2b-256 (RFC 7693, no key), used for resources and UUIDs. */
#ifndef FWSSH_ENGINE_ARCHIVE_HASH_H
#define FWSSH_ENGINE_ARCHIVE_HASH_H

#include <sodium.h>
#include <stddef.h>
#include <stdint.h>

#define HASH_SIZE 32
#define HASH_TEXT_SIZE (2 * HASH_SIZE + 1)

struct hash {
    crypto_generichash_blake2b_state state;
};

void hash_start(struct hash *h);
void hash_add(struct hash *h, const void *data, size_t len);
void hash_end(struct hash *h, uint8_t digest[HASH_SIZE]);

/* The same as lower-case hex digits. */
void hash_end_text(struct hash *h, char text[HASH_TEXT_SIZE]);

#endif
