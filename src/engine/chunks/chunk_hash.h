/* SPDX-License-Identifier: Apache-2.0 */
/* XXH3-64, by which chunks are found and pieces are compared with what was announced. It protects
 * against accidents; the archive's own hashes and signature decide. */
#ifndef FWSSH_ENGINE_CHUNKS_CHUNK_HASH_H
#define FWSSH_ENGINE_CHUNKS_CHUNK_HASH_H

#include <stddef.h>
#include <stdint.h>

uint64_t chunk_hash(const void *bytes, size_t len);

/* The same for bytes that come in pieces. */
struct chunk_hasher;

struct chunk_hasher *chunk_hasher_new(void);
void chunk_hasher_free(struct chunk_hasher *h);
void chunk_hasher_add(struct chunk_hasher *h, const void *bytes, size_t len);

/* The hash of what was added; the next one begins. */
uint64_t chunk_hasher_take(struct chunk_hasher *h);

#endif
