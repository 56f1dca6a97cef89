/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shared by the fuzz targets: a small medium in memory, and texts and sources made from the input.
 */
#ifndef FWSSH_TESTS_FUZZ_FUZZ_H
#define FWSSH_TESTS_FUZZ_FUZZ_H

#include "base/source.h"
#include "engine/medium/medium.h"

#include <stddef.h>
#include <stdint.h>

/* libFuzzer's entry. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FUZZ_MEDIUM_SIZE (256u * 1024)

struct fuzz_medium {
    struct medium medium;
    uint8_t bytes[FUZZ_MEDIUM_SIZE];
};

/* A device of FUZZ_MEDIUM_SIZE bytes that starts with the input; the rest is zeros. */
void fuzz_medium_init(struct fuzz_medium *m, const uint8_t *data, size_t size);

/* The input as a C string; the caller frees it. */
char *fuzz_text(const uint8_t *data, size_t size);

#endif
