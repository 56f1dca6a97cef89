/* SPDX-License-Identifier: Apache-2.0 */
#include "base/file_hash.h"

#include "base/io.h"

#include <sodium.h>
#include <unistd.h>

int file_hash(int fd, char text[FILE_HASH_TEXT], uint64_t *size)
{
    crypto_hash_sha256_state state;
    unsigned char piece[65536], hash[crypto_hash_sha256_BYTES];
    uint64_t bytes = 0;
    ssize_t n;

    crypto_hash_sha256_init(&state);
    while ((n = io_read_full(fd, piece, sizeof piece)) > 0) {
        crypto_hash_sha256_update(&state, piece, (unsigned long long)n);
        bytes += (uint64_t)n;
    }
    crypto_hash_sha256_final(&state, hash);
    sodium_bin2hex(text, FILE_HASH_TEXT, hash, sizeof hash);
    if (size)
        *size = bytes;
    return n < 0 || lseek(fd, 0, SEEK_SET) ? -1 : 0;
}
