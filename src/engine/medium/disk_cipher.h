/* SPDX-License-Identifier: Apache-2.0 */
/* Disk encryption compatible with dm-crypt (docs/fw-format.md, "Disk encryption"): sectors of 512
 * bytes, each with its own IV or tweak. */
#ifndef FWSSH_ENGINE_MEDIUM_DISK_CIPHER_H
#define FWSSH_ENGINE_MEDIUM_DISK_CIPHER_H

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

#define DISK_CIPHER_SECTOR 512u

struct disk_cipher;

/*
 * Options "cipher=NAME" and "secret=KEY", one per string or several separated by commas. NAME:
 * aes-cbc-plain with 64 hex digits (or base64 of 32 bytes), aes-xts-plain64 with 128 hex digits
 * (data key, then tweak key). NULL with the error set; free with disk_cipher_free().
 */
struct disk_cipher *disk_cipher_new(int argc, const char *const *argv, struct error *err);
void disk_cipher_free(struct disk_cipher *c);

/* In place. len: bytes, in whole sectors; sector: the number of the first one. */
void disk_cipher_encrypt(struct disk_cipher *c, uint64_t sector, uint8_t *data, size_t len);
void disk_cipher_decrypt(struct disk_cipher *c, uint64_t sector, uint8_t *data, size_t len);

#endif
