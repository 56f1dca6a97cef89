/* SPDX-License-Identifier: Apache-2.0 */
#include "device/session/key_option.h"

#include "base/memory.h"
#include "base/network.h"

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

const char *key_option_describe(const char *option)
{
    static const struct {
        const char *name, *why;
    } known[] = {
        {"from", "from needs a value in double quotes"},
        {"expiry-time", "expiry-time needs a value in double quotes"},
        {"command", "the option command is not supported"},
        {"environment", "the option environment is not supported"},
        {"permitopen", "the option permitopen is not supported"},
        {"permitlisten", "the option permitlisten is not supported"},
        {"tunnel", "the option tunnel is not supported"},
        {"principals", "the option principals is not supported"},
        {"cert-authority", "certificates are not accepted (option cert-authority)"},
        {"no-touch-required", "the option no-touch-required is not supported"},
        {"verify-required", "the option verify-required is not supported"},
    };
    size_t len = strcspn(option, "=");

    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strlen(known[i].name) == len && !strncasecmp(option, known[i].name, len))
            return known[i].why;
    return "neither a key type nor a supported option";
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

/* A pattern of from. */
struct from_pattern {
    const char *text;
    bool forbids;
    bool is_network;
    struct network network;
};

static struct from_pattern from_pattern_parse(char *text)
{
    struct from_pattern p = {.text = text + strspn(text, " \t")};

    for (char *end = text + strlen(text); end > p.text && strchr(" \t", end[-1]);)
        *--end = '\0';
    p.forbids = *p.text == '!';
    p.text += p.forbids;
    p.is_network = !network_parse(p.text, &p.network);
    return p;
}

static bool from_pattern_matches(const struct from_pattern *p, const char *address)
{
    if (p->is_network)
        return network_has(&p->network, address);
    return !strchr(p->text, '/') && key_option_wildcard(p->text, address);
}

/*
 * Whether wildcards match each address that they seem to. An IPv6 address can be written in many
 * ways, and only one of them is compared; of IPv4 it must not have leading zeros.
 */
static bool from_pattern_is_plain(const struct from_pattern *p)
{
    const char *text = p->text;

    if (p->is_network || !strcmp(text, "*"))
        return true;
    if (!strpbrk(text, "*?") || text[strspn(text, "0123456789.*?")])
        return false;
    for (; text; text = strchr(text, '.')) {
        text += *text == '.';
        if (text[0] == '0' && strchr("0123456789", text[1]) && text[1])
            return false;
    }
    return true;
}

bool key_option_from_is_enforceable(const char *patterns)
{
    char *copy = memory_text(patterns), *rest = copy, *pattern;
    bool good = true;

    while ((pattern = strsep(&rest, ","))) {
        struct from_pattern p = from_pattern_parse(pattern);
        good = good && (!p.forbids || from_pattern_is_plain(&p));
    }
    free(copy);
    return good;
}

/* An address is written with these; a name is not looked up. */
static bool from_pattern_admits(const struct from_pattern *p)
{
    return !p->forbids && *p->text &&
           (p->is_network || !p->text[strspn(p->text, "0123456789abcdefABCDEF.:*?")]);
}

bool key_option_from_admits(const char *patterns)
{
    char *copy = memory_text(patterns), *rest = copy, *pattern;
    bool admits = false, closed = false;

    while ((pattern = strsep(&rest, ","))) {
        struct from_pattern p = from_pattern_parse(pattern);
        admits = admits || from_pattern_admits(&p);
        closed = closed || (p.forbids && !strcmp(p.text, "*"));
    }
    free(copy);
    return admits && !closed;
}

bool key_option_from_matches(const char *patterns, const char *address)
{
    char *copy = memory_text(patterns), *rest = copy, *pattern;
    bool matches = false;

    while ((pattern = strsep(&rest, ","))) {
        struct from_pattern p = from_pattern_parse(pattern);
        if (!from_pattern_matches(&p, address))
            continue;
        matches = !p.forbids;
        if (p.forbids)
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
