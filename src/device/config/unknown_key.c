/* SPDX-License-Identifier: Apache-2.0 */
#include "device/config/unknown_key.h"

#include <string.h>

static const char blanks[] = " \t\r\n;";
static const char word_end[] = " \t\r\n;={}()+,#\"'";

static char *unknown_skip_quoted(char *p)
{
    char quote = *p++;

    while (*p && *p != quote)
        p += p[0] == '\\' && p[1] ? 2 : 1;
    return *p ? p + 1 : p;
}

/* Past the mark that closes the one at p; the end of the text if there is none. */
static char *unknown_skip_group(char *p)
{
    int depth = 0;

    while (*p) {
        if (*p == '"' || *p == '\'') {
            p = unknown_skip_quoted(p);
            continue;
        }
        depth += *p == '{' || *p == '(';
        depth -= *p == '}' || *p == ')';
        p++;
        if (!depth)
            break;
    }
    return p;
}

/* A word, a quoted text, or a group. */
static char *unknown_skip_value(char *p)
{
    if (*p == '"' || *p == '\'')
        return unknown_skip_quoted(p);
    if (*p == '{' || *p == '(')
        return unknown_skip_group(p);
    return p + strcspn(p, word_end);
}

/* What follows a key: a value, or the title and body of a section, or arguments. p itself: none of
 * these. */
static char *unknown_skip_statement(char *p)
{
    char *start = p;

    p += strspn(p, blanks);
    if (*p == '+' || *p == '=') {
        p += strspn(p, "+=");
        return unknown_skip_value(p + strspn(p, blanks));
    }
    if (*p == '"' || *p == '\'')
        p = unknown_skip_quoted(p);
    p += strspn(p, blanks);
    return *p == '{' || *p == '(' ? unknown_skip_group(p) : start;
}

static int unknown_count_lines(const char *from, const char *to)
{
    int lines = 0;

    for (; from < to; from++)
        lines += *from == '\n';
    return lines;
}

void unknown_key_blank(char *text, bool (*is_known)(const char *name, size_t len),
                       void (*tell)(const void *data, const char *name, size_t len, int line),
                       const void *data)
{
    for (char *p = text; *(p += strspn(p, blanks));) {
        size_t len = strcspn(p, word_end);
        char *end = unknown_skip_statement(p + len);
        if (!len || end == p + len)
            return;
        if (!is_known(p, len)) {
            tell(data, p, len, 1 + unknown_count_lines(text, p));
            for (; p < end; p++)
                *p = *p == '\n' ? '\n' : ' ';
        }
        p = end;
    }
}
