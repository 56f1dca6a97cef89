/* SPDX-License-Identifier: Apache-2.0 */
/* In place of disk_cipher.c where a product must not have nettle (THIRD-PARTY.md). */
#include "engine/medium/disk_cipher.h"

#include <stdlib.h>

struct disk_cipher *disk_cipher_new(int argc, const char *const *argv, struct error *err)
{
    (void)argc, (void)argv;
    error_set(err, EXIT_MISMATCH,
              "this build has no disk encryption (Meson option disk-encryption): apply this "
              "firmware with a fwpack that has it, or write the resource without cipher=");
    return NULL;
}

void disk_cipher_free(struct disk_cipher *c)
{
    (void)c;
}

/* Without a cipher, nobody can get here; and what should be encrypted must not be written plain. */
void disk_cipher_encrypt(struct disk_cipher *c, uint64_t sector, uint8_t *data, size_t len)
{
    (void)c, (void)sector, (void)data, (void)len;
    abort();
}

void disk_cipher_decrypt(struct disk_cipher *c, uint64_t sector, uint8_t *data, size_t len)
{
    (void)c, (void)sector, (void)data, (void)len;
    abort();
}
