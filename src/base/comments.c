/* SPDX-License-Identifier: Apache-2.0 */
#include "base/comments.h"

#include <string.h>

/* The offset after the quoted string that starts at i; more than len if it is unterminated. */
static size_t comments_skip_quoted(const char *text, size_t len, size_t i)
{
    char quote = text[i++];

    while (i < len && text[i] != quote)
        i += text[i] == '\\' ? 2 : 1;
    return i < len ? i + 1 : len + 1;
}

static size_t comments_blank_line(char *text, size_t len, size_t i)
{
    for (; i < len && text[i] != '\n'; i++)
        text[i] = ' ';
    return i;
}

static size_t comments_blank_block(char *text, size_t len, size_t i)
{
    const char *end = memmem(text + i + 2, len - i - 2, "*/", 2);
    size_t stop = end ? (size_t)(end - text) + 2 : len + 1;

    for (; i < stop && i < len; i++)
        if (text[i] != '\n')
            text[i] = ' ';
    return stop;
}

bool comments_blank(char *text, size_t len)
{
    static const char mark[] = {'\xef', '\xbb', '\xbf'};
    size_t i = 0;

    if (len >= sizeof mark && !memcmp(text, mark, sizeof mark))
        memset(text, ' ', sizeof mark);
    while (i < len) {
        if (text[i] == '"' || text[i] == '\'')
            i = comments_skip_quoted(text, len, i);
        else if (text[i] == '#' || (text[i] == '/' && i + 1 < len && text[i + 1] == '/'))
            i = comments_blank_line(text, len, i);
        else if (text[i] == '/' && i + 1 < len && text[i + 1] == '*')
            i = comments_blank_block(text, len, i);
        else
            i++;
    }
    return i == len;
}
