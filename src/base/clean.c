/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clean.h"

#include <string.h>

static bool clean_is_rest(char c)
{
    return ((unsigned char)c & 0xc0) == 0x80;
}

size_t clean_utf8(const char *p, uint32_t *code)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    unsigned char first = (unsigned char)*p;
    size_t len = first < 0x80 ? 1 : first < 0xc0 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;

    if (!len || first > 0xf4)
        return 0;
    *code = len == 1 ? first : first & (0x7fu >> len);
    for (size_t i = 1; i < len; i++) {
        if (!clean_is_rest(p[i]))
            return 0;
        *code = *code << 6 | ((unsigned char)p[i] & 0x3f);
    }
    bool surrogate = *code >= 0xd800 && *code < 0xe000;
    return *code < least[len] || *code > 0x10ffff || surrogate ? 0 : len;
}

bool clean_is_control(uint32_t code)
{
    return code < 0x20 || (code >= 0x7f && code < 0xa0) || code == 0x61c || code == 0x200e ||
           code == 0x200f || (code >= 0x2028 && code <= 0x202e) ||
           (code >= 0x2066 && code <= 0x2069);
}

static void clean_in_place(char *text, bool lines)
{
    uint32_t code = 0;
    size_t len;

    for (char *p = text; *p; p += len ? len : 1) {
        len = clean_utf8(p, &code);
        if (len && (!clean_is_control(code) || (lines && code == '\n')))
            continue;
        memset(p, len && code == '\t' ? ' ' : '?', len ? len : 1);
    }
}

void clean_line(char *text)
{
    clean_in_place(text, false);
}

void clean_lines(char *text)
{
    clean_in_place(text, true);
}
