/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/fat/fat_name.h"

#include "engine/fat/fat_codepage.h"

#include <stdio.h>
#include <string.h>

#define BODY 8u

static bool fat_name_is_lower(unsigned char c)
{
    return c >= 'a' && c <= 'z';
}

static bool fat_name_is_upper(unsigned char c)
{
    return c >= 'A' && c <= 'Z';
}

static uint16_t fat_name_unicode(unsigned char c)
{
    return c < 0x80 ? c : fat_codepage_unicode[c - 0x80];
}

/* To upper case, as far as the code page goes. */
static uint16_t fat_name_fold(uint16_t c)
{
    if (c < 0x80)
        return (uint16_t)(fat_name_is_lower((unsigned char)c) ? c - 0x20 : c);
    for (unsigned i = 0; i < FAT_CODEPAGE_SIZE; i++)
        if (fat_codepage_unicode[i] == c)
            return fat_name_unicode(fat_codepage_upper[i]);
    return c;
}

bool fat_name_is(const struct fat_name *n, const uint16_t *text, unsigned len)
{
    if (n->len != len)
        return false;
    for (unsigned i = 0; i < len; i++)
        if (fat_name_fold(n->text[i]) != fat_name_fold(text[i]))
            return false;
    return true;
}

uint8_t fat_name_checksum(const uint8_t brief[FAT_SHORT_SIZE])
{
    uint8_t sum = 0;

    for (unsigned i = 0; i < FAT_SHORT_SIZE; i++)
        sum = (uint8_t)((sum >> 1 | sum << 7) + brief[i]);
    return sum;
}

/* A name being shortened. */
struct fat_shortening {
    struct fat_name *name;
    unsigned at, end;        /* where the next character goes, and the end of its part */
    bool lower[2], upper[2]; /* letters seen in body and extension */
};

static void fat_name_put(struct fat_shortening *s, unsigned char c)
{
    unsigned part = s->end == BODY ? 0 : 1;

    if (c >= 0x80) {
        s->name->needs_long = true;
        c = fat_codepage_upper[c - 0x80];
    } else if (strchr("+,;=[]", c)) {
        s->name->is_lossy = true;
        c = '_';
    } else if (fat_name_is_lower(c)) {
        s->lower[part] = true;
        c = (unsigned char)(c - 0x20);
    } else if (fat_name_is_upper(c)) {
        s->upper[part] = true;
    }
    if (s->at < s->end)
        s->name->brief[s->at++] = c;
    else
        s->name->is_lossy = true;
}

static void fat_name_set_case(const struct fat_shortening *s)
{
    struct fat_name *n = s->name;

    n->needs_long = n->needs_long || n->is_lossy || (s->lower[0] && s->upper[0]) ||
                    (s->lower[1] && s->upper[1]);
    if (n->needs_long)
        return;
    n->case_bits =
        (uint8_t)((s->lower[0] ? FAT_CASE_BODY : 0) | (s->lower[1] ? FAT_CASE_EXTENSION : 0));
}

/* Spaces and all dots but the last are dropped; what does not fit is cut off. ".foo" has only an
 * extension, and becomes ~1.FOO. */
static void fat_name_shorten(struct fat_name *n, const char *text)
{
    struct fat_shortening s = {.name = n, .end = BODY};
    const char *end = text + n->len, *dot = end;

    memset(n->brief, ' ', sizeof n->brief);
    for (const char *p = text; p < end; p++)
        if (*p == '.')
            dot = p;
    if (*text == ' ' || *text == '.')
        n->is_lossy = true;
    for (const char *p = text; p < end; p++) {
        if (p == dot) {
            s.at = BODY;
            s.end = FAT_SHORT_SIZE;
        } else if (*p == ' ' || *p == '.') {
            n->is_lossy = true;
        } else {
            fat_name_put(&s, (unsigned char)*p);
        }
    }
    if (n->brief[0] == 0xe5)
        n->brief[0] = 0x05; /* 0xe5 marks a removed entry */
    fat_name_set_case(&s);
}

int fat_name_parse(struct fat_name *n, const char **path, struct error *err)
{
    const char *text = *path;
    size_t len = strcspn(text, "/");

    *n = (struct fat_name){0};
    *path = text + len + strspn(text + len, "/");
    while (len && (text[len - 1] == ' ' || text[len - 1] == '.'))
        len--;
    if (!len || len > FAT_NAME_MAX)
        return error_set(err, EXIT_FAILED, "FATFS: The path name format is invalid");
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c < ' ' || strchr("\"*:<>?|\\\x7f", c))
            return error_set(err, EXIT_FAILED, "FATFS: The path name format is invalid");
        n->text[n->len++] = fat_name_unicode(c);
    }
    fat_name_shorten(n, text);
    return 0;
}

/* A hash to tell names with the same start apart: CRC-16 over the letters, low bit first. */
static unsigned fat_name_hash(const struct fat_name *n, unsigned sequence)
{
    uint32_t hash = sequence;

    for (unsigned i = 0; i < n->len; i++) {
        uint32_t c = n->text[i];
        for (int bit = 0; bit < 16; bit++, c >>= 1) {
            hash = (hash << 1) + (c & 1);
            if (hash & 0x10000)
                hash ^= 0x11021;
        }
    }
    return hash;
}

void fat_name_number(const struct fat_name *n, unsigned sequence, uint8_t brief[FAT_SHORT_SIZE])
{
    char tail[16];
    unsigned at = 0;

    int len =
        snprintf(tail, sizeof tail, "~%X", sequence > 5 ? fat_name_hash(n, sequence) : sequence);
    memcpy(brief, n->brief, FAT_SHORT_SIZE);
    while (at < BODY - (unsigned)len && brief[at] != ' ')
        at++;
    memcpy(brief + at, tail, (size_t)len);
    memset(brief + at + len, ' ', BODY - at - (unsigned)len);
}
