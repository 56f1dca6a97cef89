/* What the fuzz targets share: a small medium in memory, and texts and sources made of the input.
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

/* A device of that size that begins with the input; the rest is zeros. */
void fuzz_medium_init(struct fuzz_medium *m, const uint8_t *data, size_t size);

/* The input as a text; the caller frees it. */
char *fuzz_text(const uint8_t *data, size_t size);

#endif
