/* SPDX-License-Identifier: Apache-2.0 */
/* Keys and signatures as text. */
#include "fuzz.h"

#include "engine/archive/keys.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t key[KEYS_PRIVATE_SIZE];
    char *text = fuzz_text(data, size);
    struct error err;

    (void)keys_parse(text, key, KEYS_PUBLIC_SIZE, &err);
    (void)keys_parse(text, key, KEYS_PRIVATE_SIZE, &err);
    free(text);
    return 0;
}
