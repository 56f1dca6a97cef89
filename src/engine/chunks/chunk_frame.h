/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Frames of compressed bytes: zstd (RFC 8878) without its magic number, made with a prefix that the
 * other side has, too.
 */
#ifndef FWSSH_ENGINE_CHUNKS_CHUNK_FRAME_H
#define FWSSH_ENGINE_CHUNKS_CHUNK_FRAME_H

#include "base/buffer.h"

#include <stdbool.h>
#include <stdint.h>

struct chunk_bytes {
    const uint8_t *bytes;
    size_t len;
};

struct chunk_packer;

struct chunk_packer *chunk_packer_new(void);
void chunk_packer_free(struct chunk_packer *p);

/* Appends a frame of these bytes. level: of zstd, 1 to 19; bytes that a quick look finds
 * incompressible get a low one, unless it is 19 and there is a prefix. prefix: may be empty. */
void chunk_pack(struct chunk_packer *p, struct chunk_bytes bytes, struct chunk_bytes prefix,
                int level, struct buffer *out);

/* Whether zstd gains little on them: less than a twentieth. */
bool chunk_is_dense(struct chunk_packer *p, struct chunk_bytes bytes);

struct chunk_unpacker;

struct chunk_unpacker *chunk_unpacker_new(void);
void chunk_unpacker_free(struct chunk_unpacker *u);

/* Unpacks a frame that stands for exactly len bytes. False if it does not: to is undefined then. */
bool chunk_unpack(struct chunk_unpacker *u, struct chunk_bytes frame, struct chunk_bytes prefix,
                  uint8_t *to, size_t len);

#endif
