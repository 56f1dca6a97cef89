/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/archive/hash.h"

#include "base/number.h"

void hash_start(struct hash *h)
{
    crypto_generichash_blake2b_init(&h->state, NULL, 0, HASH_SIZE);
}

void hash_add(struct hash *h, const void *data, size_t len)
{
    crypto_generichash_blake2b_update(&h->state, data, len);
}

void hash_end(struct hash *h, uint8_t digest[HASH_SIZE])
{
    crypto_generichash_blake2b_final(&h->state, digest, HASH_SIZE);
}

void hash_end_text(struct hash *h, char text[HASH_TEXT_SIZE])
{
    uint8_t digest[HASH_SIZE];

    hash_end(h, digest);
    number_format_hex(digest, HASH_SIZE, text);
}
