/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Values of options of authorized_keys: the input is an address, patterns and a time, one per line.
 * Patterns are checked against fnmatch(3), networks against a comparison bit by bit, times against
 * timegm(3).
 */
#include "fuzz.h"

#include "device/session/key_option.h"

#include <arpa/inet.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

int LLVMFuzzerInitialize(int *argc, char ***argv);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    setenv("TZ", "UTC", 1);
    return 0;
}

static bool fuzz_bit(const uint8_t *address, unsigned bit)
{
    return address[bit / 8] >> (7 - bit % 8) & 1;
}

/* As inet_pton(3); an IPv4-mapped address counts as IPv4. Returns the family, or 0. */
static int fuzz_parse(const char *text, uint8_t *bytes)
{
    static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

    if (inet_pton(AF_INET, text, bytes) == 1)
        return AF_INET;
    if (inet_pton(AF_INET6, text, bytes) != 1)
        return 0;
    if (memcmp(bytes, mapped, sizeof mapped))
        return AF_INET6;
    memmove(bytes, bytes + 12, 4);
    return AF_INET;
}

/* A match of NETWORK/BITS, if inet_pton(3) and strtoul(3) understand it, else false. */
static bool fuzz_network(const char *pattern, const char *address)
{
    const char *slash = strchr(pattern, '/');
    char network[64], *end;
    uint8_t a[16], b[16];
    unsigned long bits = strtoul(slash + 1, &end, 10);

    if (strstr(pattern, "::")) /* it may be a mapped one, with other lengths */
        return key_option_from_matches(pattern, address);

    snprintf(network, sizeof network, "%.*s", (int)(slash - pattern), pattern);
    if (*end || end == slash + 1)
        return false;
    int family = fuzz_parse(network, a);
    if (!family || fuzz_parse(address, b) != family || bits > (family == AF_INET ? 32 : 128))
        return false;
    for (unsigned i = 0; i < bits; i++)
        if (fuzz_bit(a, i) != fuzz_bit(b, i))
            return false;
    return true;
}

static void fuzz_from(const char *patterns, const char *address)
{
    bool matches = key_option_from_matches(patterns, address);
    uint8_t a[16], b[16];

    (void)key_option_from_is_enforceable(patterns);
    /* Two readings of a single pattern; of a list, only that it comes to an end. */
    if (strpbrk(patterns, ",![\\ \t"))
        return;
    int family = fuzz_parse(patterns, a);
    if (family) {
        size_t len = family == AF_INET ? 4 : 16;
        if (matches != (fuzz_parse(address, b) == family && !memcmp(a, b, len)))
            __builtin_trap();
        return;
    }
    if (strchr(patterns, '/')) {
        /* strtoul(3) accepts signs and spaces. */
        bool plain = !strpbrk(patterns, " \t\v\f\r+-") && strlen(patterns) < 64;
        if (plain && matches != fuzz_network(patterns, address))
            __builtin_trap();
    } else if (matches != !fnmatch(patterns, address, 0)) {
        __builtin_trap();
    }
}

static void fuzz_time(const char *text)
{
    struct tm tm = {0};
    int64_t when;

    if (key_option_parse_time(text, &when))
        return;
    size_t digits = strspn(text, "0123456789");
    if ((digits != 8 && digits != 12 && digits != 14) || strlen(text) > digits + 1)
        __builtin_trap();
    sscanf(text, "%4d%2d%2d", &tm.tm_year, &tm.tm_mon, &tm.tm_mday);
    if (digits > 8)
        sscanf(text + 8, "%2d%2d%2d", &tm.tm_hour, &tm.tm_min, &tm.tm_sec);
    tm.tm_year -= 1900;
    tm.tm_mon--;
    if (when != timegm(&tm))
        __builtin_trap();
}

static char *fuzz_line(char **rest)
{
    char *line = strsep(rest, "\n");

    return line ? line : *rest ? *rest : (char *)"";
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = fuzz_text(data, size), *rest = text;
    const char *address = fuzz_line(&rest), *patterns = fuzz_line(&rest);

    /* Addresses are shorter than this (session.h). */
    if (strlen(address) < 46)
        fuzz_from(patterns, address);
    fuzz_time(fuzz_line(&rest));
    char *value = key_option_value(patterns, "from");
    if (value && strlen(value) + strlen("from=\"\"") > strlen(patterns))
        __builtin_trap();
    free(value);
    free(text);
    return 0;
}
