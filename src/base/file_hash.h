/* SPDX-License-Identifier: Apache-2.0 */
/* The SHA-256 of a whole file. */
#ifndef FWSSH_BASE_FILE_HASH_H
#define FWSSH_BASE_FILE_HASH_H

#include <stdint.h>

#define FILE_HASH_TEXT 65

/* Reads from where the descriptor is to the end, and goes back to the start. text gets hexadecimal
 * digits, *size (NULL: not wanted) the bytes that were read. Returns 0, or -1 with errno. */
int file_hash(int fd, char text[FILE_HASH_TEXT], uint64_t *size);

#endif
