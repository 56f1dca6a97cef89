/* SPDX-License-Identifier: Apache-2.0 */
/* Where a byte is in a list of pieces. */
#ifndef FWSSH_ENGINE_CHUNKS_CHUNK_PLACE_H
#define FWSSH_ENGINE_CHUNKS_CHUNK_PLACE_H

#include <stddef.h>
#include <stdint.h>

/* The last of count items, each of so many bytes, that begins at or before a byte. They are in
 * order, and an item's first member is where it begins (uint64_t). */
size_t chunk_place_find(const void *items, size_t count, size_t size, uint64_t at);

#endif
