/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of authorized_keys: a key that is accepted must meet what its options require. */
#include "fuzz.h"

#include "base/log.h"
#include "device/session/authorized_keys.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

int LLVMFuzzerInitialize(int *argc, char ***argv);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    setenv("TZ", "UTC", 1);
    return ssh_init();
}

static void fuzz_key(const struct authorized_keys *keys, const struct authorized_key *key)
{
    static const char *const addresses[] = {"", "192.0.2.7", "2001:db8::1", "::ffff:192.0.2.7"};
    static const int64_t times[] = {0, 1700000000, INT64_MAX};
    const char *why;

    if (authorized_keys_is_certificate(key->key) || ssh_key_is_private(key->key) || !key->comment ||
        !key->type)
        __builtin_trap();
    for (size_t i = 0; i < sizeof addresses / sizeof *addresses; i++)
        for (size_t j = 0; j < sizeof times / sizeof *times; j++) {
            const struct authorized_key *found =
                authorized_keys_find(keys, key->key, addresses[i], times[j], &why);
            if (!found && !why)
                __builtin_trap();
            if (found && found->expires && found->expires <= times[j])
                __builtin_trap();
        }
}

/* An option at the start of the only line must not get lost. */
static void fuzz_first_option(const char *text, const struct authorized_key *key)
{
    text += strspn(text, " \t");
    if (!strncasecmp(text, "from=", 5) && !key->from)
        __builtin_trap();
    if (!strncasecmp(text, "expiry-time=", 12) && !key->expires)
        __builtin_trap();
    if (!strncasecmp(text, "command=", 8))
        __builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct authorized_keys keys = {.complain = true};
    size_t lines = 1;

    log_set_level(size & 1 ? LOG_LEVEL_WARNING : LOG_LEVEL_ERROR);
    for (size_t i = 0; i < size; i++)
        lines += data[i] == '\n';
    /* Only the length ends the lines. */
    char *text = malloc(size ? size : 1), *first = fuzz_text(data, size);
    if (size)
        memcpy(text, data, size);
    authorized_keys_add(&keys, "fuzz", text, size);
    if (keys.count + keys.refused > lines)
        __builtin_trap();
    for (size_t i = 0; i < keys.count; i++)
        fuzz_key(&keys, &keys.key[i]);
    if (lines == 1 && keys.count == 1)
        fuzz_first_option(first, &keys.key[0]);
    authorized_keys_free(&keys);
    free(first);
    free(text);
    return 0;
}
