/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/archive/conf_unknown.h"

#include <string.h>

enum conf_token { TOKEN_END, TOKEN_WORD, TOKEN_MARK };

/* A scanner with its current token: a word, a quoted string, or a punctuation mark. */
struct conf_lexer {
    char *p;
    char *start; /* of the token */
    size_t len;
    enum conf_token kind;
    char mark; /* of { } ( ) = , ; '+' for += */
};

static char *conf_skip_quoted(char *p)
{
    char quote = *p++;

    while (*p && *p != quote)
        p += p[0] == '\\' && p[1] ? 2 : 1;
    return *p ? p + 1 : p;
}

static char *conf_skip_blank(char *p)
{
    for (;;) {
        p += strspn(p, " \t\r\n");
        if (p[0] == '#' || (p[0] == '/' && p[1] == '/'))
            p += strcspn(p, "\n");
        else if (p[0] == '/' && p[1] == '*')
            p = strstr(p + 2, "*/") ? strstr(p + 2, "*/") + 2 : p + strlen(p);
        else
            return p;
    }
}

static void conf_next_token(struct conf_lexer *l)
{
    char *p = conf_skip_blank(l->p);

    l->start = p;
    l->mark = '\0';
    l->kind = *p ? TOKEN_WORD : TOKEN_END;
    if (*p && strchr("{}()=,+", *p)) {
        l->kind = TOKEN_MARK;
        l->mark = *p;
        p += p[0] == '+' && p[1] == '=' ? 2 : 1;
    } else if (*p == '"' || *p == '\'') {
        p = conf_skip_quoted(p);
    } else if (p[0] == '$' && p[1] == '{') {
        p += strcspn(p, "}");
        p += *p == '}';
    } else if (*p) {
        size_t n = strcspn(p, " \"'\t\r\n={}()+,#");
        p += n ? n : 1;
    }
    l->len = (size_t)(p - l->start);
    l->p = p;
}

/* Skips past the mark that closes the one just read. */
static bool conf_skip_to(struct conf_lexer *l, char open, char close)
{
    int depth = 1;

    while (depth > 0) {
        conf_next_token(l);
        if (l->kind == TOKEN_END)
            return false;
        depth += l->mark == open;
        depth -= l->mark == close;
    }
    return true;
}

static void conf_blank(char *from, const char *to)
{
    for (; from < to; from++)
        if (*from != '\n')
            *from = ' ';
}

/* A section whose opening brace was just read: a known one is entered, an unknown one blanked. */
static bool conf_section_body(struct conf_lexer *l, char *start, size_t name_len,
                              bool (*is_known)(const char *, size_t))
{
    if (is_known(start, name_len))
        return true;
    if (!conf_skip_to(l, '{', '}'))
        return false;
    conf_blank(start, l->p);
    return true;
}

/* What follows a name: a value, arguments, or a section. */
static bool conf_statement(struct conf_lexer *l, bool (*is_known)(const char *, size_t))
{
    char *start = l->start;
    size_t len = l->len;

    conf_next_token(l);
    if (l->mark == '=' || l->mark == '+') {
        conf_next_token(l);
        return l->mark == '{' ? conf_skip_to(l, '{', '}') : l->kind == TOKEN_WORD;
    }
    if (l->mark == '(')
        return conf_skip_to(l, '(', ')');
    if (l->kind == TOKEN_WORD)
        conf_next_token(l); /* after the title */
    return l->mark == '{' && conf_section_body(l, start, len, is_known);
}

void conf_unknown_blank(char *text, bool (*is_known)(const char *name, size_t len))
{
    struct conf_lexer l = {.p = text};

    for (;;) {
        conf_next_token(&l);
        bool goes_on = l.kind == TOKEN_WORD ? conf_statement(&l, is_known) : l.mark == '}';
        if (!goes_on)
            return;
    }
}
