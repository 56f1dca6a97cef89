/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/medium/disk_cipher.h"

#include "base/bytes.h"
#include "base/memory.h"
#include "base/number.h"

#include <nettle/aes.h>
#include <nettle/cbc.h>
#include <nettle/xts.h>
#include <sodium.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define CBC_KEY_SIZE AES256_KEY_SIZE
#define XTS_KEY_SIZE (2 * AES256_KEY_SIZE)

struct disk_cipher {
    bool is_xts;
    struct aes256_ctx cbc_encrypt, cbc_decrypt;
    struct xts_aes256_key xts_encrypt, xts_decrypt;
};

static int disk_cipher_cbc(struct disk_cipher *c, const char *secret)
{
    uint8_t key[CBC_KEY_SIZE];
    size_t len;

    /* Early versions of fwup wrote base64. */
    if (number_parse_hex(secret, key, sizeof key) &&
        (sodium_base642bin(key, sizeof key, secret, strlen(secret), NULL, &len, NULL,
                           sodium_base64_VARIANT_ORIGINAL) ||
         len != sizeof key))
        return -1;
    aes256_set_encrypt_key(&c->cbc_encrypt, key);
    aes256_set_decrypt_key(&c->cbc_decrypt, key);
    sodium_memzero(key, sizeof key);
    return 0;
}

static int disk_cipher_xts(struct disk_cipher *c, const char *secret)
{
    uint8_t key[XTS_KEY_SIZE];

    if (number_parse_hex(secret, key, sizeof key))
        return -1;
    c->is_xts = true;
    xts_aes256_set_encrypt_key(&c->xts_encrypt, key);
    xts_aes256_set_decrypt_key(&c->xts_decrypt, key);
    sodium_memzero(key, sizeof key);
    return 0;
}

static int disk_cipher_set(struct disk_cipher *c, const char *name, const char *secret,
                           struct error *err)
{
    if (!name || !secret)
        return error_set(err, EXIT_MISMATCH, "encryption needs both cipher= and secret=");
    if (!strcmp(name, "aes-cbc-plain"))
        return disk_cipher_cbc(c, secret)
                   ? error_set(err, EXIT_MISMATCH, "aes-cbc-plain needs a secret of 64 hex digits")
                   : 0;
    if (!strcmp(name, "aes-xts-plain64"))
        return disk_cipher_xts(c, secret) ? error_set(err, EXIT_MISMATCH,
                                                      "aes-xts-plain64 needs a secret of 128 hex "
                                                      "digits")
                                          : 0;
    return error_set(err, EXIT_MISMATCH, "unknown cipher: use aes-cbc-plain or aes-xts-plain64");
}

struct disk_cipher *disk_cipher_new(int argc, const char *const *argv, struct error *err)
{
    struct disk_cipher *c = memory_new(1, sizeof *c);
    const char *name = NULL, *secret = NULL;
    char *all = memory_text(argc ? argv[0] : "");
    int rc = 0;

    for (int i = 1; i < argc; i++) {
        char *longer = memory_printf("%s,%s", all, argv[i]);
        free(all);
        all = longer;
    }
    char *rest = all, *option;
    while (!rc && (option = strsep(&rest, ","))) {
        if (!strncmp(option, "cipher=", 7))
            name = option + 7;
        else if (!strncmp(option, "secret=", 7))
            secret = option + 7;
        else
            /* Without quoting it: it may be a misplaced secret. */
            rc = error_set(err, EXIT_MISMATCH,
                           "an encryption option is neither cipher=NAME nor secret=KEY");
    }
    if (!rc)
        rc = disk_cipher_set(c, name, secret, err);
    sodium_memzero(all, strlen(all));
    free(all);
    if (!rc)
        return c;
    disk_cipher_free(c);
    return NULL;
}

void disk_cipher_free(struct disk_cipher *c)
{
    if (!c)
        return;
    sodium_memzero(c, sizeof *c);
    free(c);
}

/* dm-crypt's "plain": the low 32 bits of the sector number, "plain64": all of it; little-endian,
 * then zeros. */
static void disk_cipher_start(const struct disk_cipher *c, uint64_t sector,
                              uint8_t start[AES_BLOCK_SIZE])
{
    memset(start, 0, AES_BLOCK_SIZE);
    if (c->is_xts)
        bytes_put_le64(start, sector);
    else
        bytes_put_le32(start, (uint32_t)sector);
}

void disk_cipher_encrypt(struct disk_cipher *c, uint64_t sector, uint8_t *data, size_t len)
{
    uint8_t start[AES_BLOCK_SIZE];

    for (; len; len -= DISK_CIPHER_SECTOR, data += DISK_CIPHER_SECTOR) {
        disk_cipher_start(c, sector++, start);
        if (c->is_xts)
            xts_aes256_encrypt_message(&c->xts_encrypt, start, DISK_CIPHER_SECTOR, data, data);
        else
            cbc_encrypt(&c->cbc_encrypt, (nettle_cipher_func *)aes256_encrypt, AES_BLOCK_SIZE,
                        start, DISK_CIPHER_SECTOR, data, data);
    }
}

void disk_cipher_decrypt(struct disk_cipher *c, uint64_t sector, uint8_t *data, size_t len)
{
    uint8_t start[AES_BLOCK_SIZE];

    for (; len; len -= DISK_CIPHER_SECTOR, data += DISK_CIPHER_SECTOR) {
        disk_cipher_start(c, sector++, start);
        if (c->is_xts)
            xts_aes256_decrypt_message(&c->xts_decrypt, start, DISK_CIPHER_SECTOR, data, data);
        else
            cbc_decrypt(&c->cbc_decrypt, (nettle_cipher_func *)aes256_decrypt, AES_BLOCK_SIZE,
                        start, DISK_CIPHER_SECTOR, data, data);
    }
}
