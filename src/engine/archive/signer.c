/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/archive/signer.h"

#include "base/io.h"
#include "base/run.h"

#include <stdlib.h>
#include <string.h>

#define SIGNER_OUTPUT_MAX 1024

bool signer_is_set(const struct signer *s)
{
    return s && (s->private_key || s->command || s->signature_file);
}

/* 64 raw bytes, or base64 with trailing whitespace. */
static int signer_parse(const struct buffer *text, uint8_t signature[KEYS_SIGNATURE_SIZE],
                        struct error *err)
{
    if (text->len == KEYS_SIGNATURE_SIZE) {
        memcpy(signature, text->data, KEYS_SIGNATURE_SIZE);
        return 0;
    }
    return keys_parse(buffer_text(text), signature, KEYS_SIGNATURE_SIZE, err)
               ? error_set(err, EXIT_FAILED,
                           "expected 64 raw bytes or their base64, but got %zu bytes", text->len)
               : 0;
}

static int signer_read_file(const struct signer *s, uint8_t signature[KEYS_SIGNATURE_SIZE],
                            struct error *err)
{
    struct buffer text = {0};
    int rc = io_read_file(s->signature_file, SIGNER_OUTPUT_MAX, &text, err);

    if (!rc && signer_parse(&text, signature, err))
        rc = error_prefix(err, "the signature in %s", s->signature_file);
    buffer_free(&text);
    return rc;
}

/* It may ask a person for a PIN, so it has no time limit and stays at the terminal. */
static int signer_run(const struct signer *s, const void *data, size_t len,
                      uint8_t signature[KEYS_SIGNATURE_SIZE], struct error *err)
{
    char *argv[] = {"/bin/sh", "-c", (char *)s->command, NULL};
    struct run run = {.argv = argv,
                      .input = data,
                      .input_size = len,
                      .output = RUN_KEEP,
                      .errors = RUN_PASS,
                      .keep = SIGNER_OUTPUT_MAX};
    struct run_result result;
    int rc = run_expect(&run, "the signing command", &result, err);

    if (rc)
        error_suffix(err, "nothing was signed");
    if (!rc && result.truncated)
        rc = error_set(err, EXIT_FAILED, "the signing command's output is longer than %d bytes",
                       SIGNER_OUTPUT_MAX);
    if (!rc && signer_parse(&result.text, signature, err))
        rc = error_prefix(err, "the signing command's output");
    run_free(&result);
    return rc;
}

int signer_sign(const struct signer *s, const void *data, size_t len,
                uint8_t signature[KEYS_SIGNATURE_SIZE], struct error *err)
{
    int rc = 0;

    if (s->private_key)
        keys_sign(s->private_key, data, len, signature);
    else
        rc = s->command ? signer_run(s, data, len, signature, err)
                        : signer_read_file(s, signature, err);
    if (rc || !s->check || !s->check->count || keys_verify(s->check, signature, data, len))
        return rc;
    return error_set(err, EXIT_MISMATCH,
                     "the signature does not match the public key; nothing was signed");
}
