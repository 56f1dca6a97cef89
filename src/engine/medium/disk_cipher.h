/*
 * Encryption of what is on the disk, as dm-crypt knows it (docs/fw-format.md, "Disk encryption"):
 * sectors of 512 bytes, each with its own start value.
 */
#ifndef FWSSH_ENGINE_MEDIUM_DISK_CIPHER_H
#define FWSSH_ENGINE_MEDIUM_DISK_CIPHER_H

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

#define DISK_CIPHER_SECTOR 512u

struct disk_cipher;

/*
 * Options "cipher=NAME" and "secret=KEY", each a string of its own or several with commas between.
 * NAME: aes-cbc-plain with 64 hex digits (or base64 of 32 bytes), aes-xts-plain64 with 128 hex
 * digits (data key, then tweak key). NULL with the error set; free with disk_cipher_free().
 */
struct disk_cipher *disk_cipher_new(int argc, const char *const *argv, struct error *err);
void disk_cipher_free(struct disk_cipher *c);

/* In place, len in whole sectors, of which the first has that number. */
void disk_cipher_encrypt(struct disk_cipher *c, uint64_t sector, uint8_t *data, size_t len);
void disk_cipher_decrypt(struct disk_cipher *c, uint64_t sector, uint8_t *data, size_t len);

#endif
