/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/archive/meta.h"

#include "base/memory.h"
#include "base/number.h"
#include "engine/archive/conf.h"
#include "engine/archive/hash.h"
#include "engine/archive/nickname.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

void meta_uuid(const void *text, size_t len, char uuid[META_UUID_SIZE])
{
    /* The namespace of firmware UUIDs. */
    static const uint8_t prefix[16] = {0x20, 0x53, 0xdf, 0xfb, 0xd5, 0x1e, 0x43, 0x10,
                                       0xb9, 0x3b, 0x95, 0x6d, 0xa8, 0x9f, 0x9f, 0x34};
    uint8_t digest[HASH_SIZE];
    char hex[33];
    struct hash h;

    hash_start(&h);
    hash_add(&h, prefix, sizeof prefix);
    hash_add(&h, text, len);
    hash_end(&h, digest);
    digest[6] = (uint8_t)((digest[6] & 0x0f) | 0x50);
    number_format_hex(digest, 16, hex);
    snprintf(uuid, META_UUID_SIZE, "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12, hex + 16,
             hex + 20);
}

char *meta_nickname(const char *uuid)
{
    char first[3] = {uuid[0], uuid[1], 0}, second[3] = {uuid[2], uuid[3], 0};
    uint8_t a = 0, b = 0;

    number_parse_hex(first, &a, 1);
    number_parse_hex(second, &b, 1);
    return memory_printf("%s-%s", nickname_words[a], nickname_words[b]);
}

void meta_print(cfg_t *cfg, struct buffer *out)
{
    static const char *const keys[] = {
        "meta-product",  "meta-description",    "meta-version",       "meta-author",
        "meta-platform", "meta-architecture",   "meta-creation-date", "meta-fwup-version",
        "meta-misc",     "meta-vcs-identifier", "meta-uuid",          "meta-nickname",
    };

    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        const char *value = cfg_getstr(cfg, keys[i]);
        if (value)
            conf_print_option(keys[i], value, out);
    }
}

int meta_now(int64_t *seconds, struct error *err)
{
    const char *epoch = getenv("SOURCE_DATE_EPOCH"), *now = getenv("NOW");
    struct tm tm = {0};
    uint64_t given;

    if (epoch && *epoch) {
        if (number_parse_decimal(epoch, strlen(epoch), &given) || given > UINT32_MAX)
            return error_set(err, EXIT_FAILED,
                             "SOURCE_DATE_EPOCH must be seconds since 1970, up to %" PRIu32
                             ", but is '%s'",
                             UINT32_MAX, epoch);
        *seconds = (int64_t)given;
    } else if (now && strptime(now, "%Y-%m-%dT%H:%M:%SZ", &tm)) {
        *seconds = (int64_t)timegm(&tm);
    } else {
        *seconds = (int64_t)time(NULL);
    }
    return 0;
}
