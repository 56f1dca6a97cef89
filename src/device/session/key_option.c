#include "device/session/key_option.h"

#include "base/memory.h"
#include "base/number.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

bool key_option_is_harmless(const char *option)
{
    static const char *const harmless[] = {
        "restrict",          "no-pty", "no-agent-forwarding", "no-port-forwarding", "no-user-rc",
        "no-X11-forwarding", "pty",    "agent-forwarding",    "port-forwarding",    "user-rc",
        "X11-forwarding",
    };

    for (size_t i = 0; i < sizeof harmless / sizeof *harmless; i++)
        if (!strcasecmp(option, harmless[i]))
            return true;
    return false;
}

char *key_option_value(const char *option, const char *name)
{
    size_t len = strlen(name);

    if (strncasecmp(option, name, len) || option[len] != '=' || option[len + 1] != '"')
        return NULL;
    char *value = memory_text(option + len + 2), *to = value;
    for (const char *from = value; *from; from++) {
        if (from[0] == '\\' && from[1] == '"')
            from++;
        else if (from[0] == '"') {
            *to = '\0';
            if (!from[1])
                return value;
            break; /* text after the closing quote */
        }
        *to++ = *from;
    }
    free(value);
    return NULL;
}

/* Backtracks only to the last asterisk, so many of them take no longer. */
static bool key_option_wildcard(const char *pattern, const char *text)
{
    const char *star = NULL, *tried = NULL;

    while (*text) {
        if (*pattern == '*') {
            star = ++pattern;
            tried = text;
        } else if (*pattern && (*pattern == '?' || *pattern == *text)) {
            pattern++;
            text++;
        } else if (star) {
            pattern = star;
            text = ++tried;
        } else {
            return false;
        }
    }
    return !pattern[strspn(pattern, "*")];
}

static bool key_option_in_network(const char *network, const char *bits_text, const char *address)
{
    uint8_t a[16] = {0}, b[16] = {0};
    uint64_t bits;
    int family = strchr(network, ':') ? AF_INET6 : AF_INET;

    if (number_parse_decimal(bits_text, strlen(bits_text), &bits) ||
        bits > (family == AF_INET ? 32 : 128) || inet_pton(family, network, a) != 1 ||
        inet_pton(family, address, b) != 1 || memcmp(a, b, bits / 8))
        return false;
    uint8_t mask = (uint8_t)(0xff00u >> bits % 8);
    return bits % 8 == 0 || ((a[bits / 8] ^ b[bits / 8]) & mask) == 0;
}

static bool key_option_pattern(char *pattern, const char *address)
{
    char *slash = strchr(pattern, '/');

    if (!slash)
        return key_option_wildcard(pattern, address);
    *slash = '\0';
    return key_option_in_network(pattern, slash + 1, address);
}

bool key_option_from_matches(const char *patterns, const char *address)
{
    char *copy = memory_text(patterns), *rest = copy, *pattern;
    bool matches = false;

    while ((pattern = strsep(&rest, ","))) {
        bool forbids = *pattern == '!';
        if (!key_option_pattern(pattern + forbids, address))
            continue;
        matches = !forbids;
        if (forbids)
            break;
    }
    free(copy);
    return matches;
}

int key_option_parse_time(const char *text, int64_t *seconds)
{
    size_t len = strspn(text, "0123456789");
    bool is_utc = !strcasecmp(text + len, "Z");
    const char *format = len == 8 ? "%Y%m%d" : len == 12 ? "%Y%m%d%H%M" : "%Y%m%d%H%M%S";
    struct tm tm = {.tm_isdst = -1};

    if ((len != 8 && len != 12 && len != 14) || (text[len] && !is_utc))
        return -1;
    char *digits = memory_printf("%.*s", (int)len, text);
    const char *end = strptime(digits, format, &tm);
    bool whole = end && !*end;
    free(digits);
    if (!whole)
        return -1;
    time_t t = is_utc ? timegm(&tm) : mktime(&tm);
    *seconds = (int64_t)t;
    return t == (time_t)-1 ? -1 : 0;
}
