/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/archive/keys.h"

#include "base/io.h"
#include "base/memory.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int keys_decode(const char *text, size_t len, uint8_t *key, size_t size)
{
    size_t got = 0;
    const char *end = NULL;

    while (len && isspace((unsigned char)text[len - 1]))
        len--;
    while (len && text[len - 1] == '=')
        len--;
    if (sodium_base642bin(key, size, text, len, NULL, &got, &end,
                          sodium_base64_VARIANT_ORIGINAL_NO_PADDING))
        return -1;
    return got == size && end == text + len ? 0 : -1;
}

int keys_parse(const char *text, uint8_t *key, size_t size, struct error *err)
{
    if (keys_decode(text, strlen(text), key, size))
        return error_set(err, EXIT_FAILED, "Invalid key: expecting %zu bytes in base64", size);
    return 0;
}

int keys_read_file(const char *path, uint8_t *key, size_t size, struct error *err)
{
    /* Only as much as the padded base64 is read, so a trailing newline does no harm. */
    size_t text_len = (size + 2) / 3 * 4;
    char text[2 * KEYS_PRIVATE_SIZE];
    int rc = 0;

    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return error_errno(err, "Error opening key file '%s'", path);
    ssize_t n = io_read_full(fd, text, text_len);
    close(fd);
    if (n < 0)
        return error_errno(err, "Error reading key file '%s'", path);
    if ((size_t)n == size)
        memcpy(key, text, size);
    else if (keys_decode(text, (size_t)n, key, size))
        rc = error_set(err, EXIT_FAILED, "'%s' is not a key: expecting %zu bytes, raw or in base64",
                       path, size);
    sodium_memzero(text, sizeof text);
    return rc;
}

static int keys_write(const char *path, mode_t mode, const uint8_t *key, size_t size,
                      struct error *err)
{
    char text[128];
    int rc = -1;

    sodium_bin2base64(text, sizeof text, key, size, sodium_base64_VARIANT_ORIGINAL);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    if (fd < 0) {
        error_errno(err, "Error creating '%s'", path);
        goto cleanup;
    }
    if (io_write_all(fd, text, strlen(text)) || fsync(fd)) {
        error_errno(err, "Error writing '%s'", path);
        unlink(path);
        goto cleanup;
    }
    rc = 0;
cleanup:
    io_close(&fd);
    sodium_memzero(text, sizeof text);
    return rc;
}

int keys_generate(const char *prefix, struct error *err)
{
    uint8_t public_key[KEYS_PUBLIC_SIZE], private_key[KEYS_PRIVATE_SIZE];
    char *private_path = memory_printf("%s.priv", prefix);
    char *public_path = memory_printf("%s.pub", prefix);
    int rc = -1;

    crypto_sign_keypair(public_key, private_key);
    if (access(private_path, F_OK) == 0) {
        errno = EEXIST;
        error_errno(err, "Error creating '%s'", private_path);
        goto cleanup;
    }
    if (keys_write(public_path, 0644, public_key, sizeof public_key, err))
        goto cleanup;
    rc = keys_write(private_path, 0600, private_key, sizeof private_key, err);
    if (rc)
        unlink(public_path);
cleanup:
    sodium_memzero(private_key, sizeof private_key);
    free(public_path);
    free(private_path);
    return rc;
}

void keys_sign(const uint8_t private_key[KEYS_PRIVATE_SIZE], const void *data, size_t len,
               uint8_t signature[KEYS_SIGNATURE_SIZE])
{
    crypto_sign_detached(signature, NULL, data, len, private_key);
}

bool keys_verify(const struct public_keys *keys, const uint8_t signature[KEYS_SIGNATURE_SIZE],
                 const void *data, size_t len)
{
    for (int i = 0; i < keys->count; i++)
        if (!crypto_sign_verify_detached(signature, data, len, keys->key[i]))
            return true;
    return false;
}
