/* SPDX-License-Identifier: Apache-2.0 */
#include "base/version.h"

#include <ctype.h>
#include <string.h>

#define VERSION_HEX_MIN 4

/* A piece of the text. */
struct version_piece {
    const char *at;
    size_t len;
};

struct version {
    struct version_piece letters, numbers; /* "R", "5.10.3" */
    struct version_piece pre;              /* after '-'; len 0: a release */
    struct version_piece commits;          /* digits of -N-gHEX; len 0: none */
};

static const char digits[] = "0123456789";
static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

static bool version_ends_with(const struct version_piece *p, const char *end)
{
    size_t len = strlen(end);

    return p->len >= len && !memcmp(p->at + p->len - len, end, len);
}

/* Takes the characters of a set from the end of p; how many. */
static size_t version_take_last(struct version_piece *p, const char *set)
{
    size_t n = 0;

    while (p->len && strchr(set, p->at[p->len - 1])) {
        p->len--;
        n++;
    }
    return n;
}

/* What git-describe(1) appends to a tag: moves N of [PRE-]N-gHEX[-dirty] from rest to commits. */
static void version_split_commits(struct version_piece *rest, struct version_piece *commits)
{
    struct version_piece left = *rest;

    if (version_ends_with(&left, "-dirty"))
        left.len -= strlen("-dirty");
    if (version_take_last(&left, "0123456789abcdefABCDEF") < VERSION_HEX_MIN ||
        !version_ends_with(&left, "-g"))
        return;
    left.len -= strlen("-g");
    size_t n = version_take_last(&left, digits);
    if (!n || (left.len && left.at[left.len - 1] != '-'))
        return;
    *commits = (struct version_piece){left.at + left.len, n};
    rest->len = left.len ? left.len - 1 : 0;
}

/* Identifiers of letters, digits and hyphens, separated by dots. */
static bool version_has_identifiers(const struct version_piece *p)
{
    bool empty = true;

    for (size_t i = 0; i < p->len; i++) {
        if (p->at[i] == '.' && empty)
            return false;
        empty = p->at[i] == '.';
        if (!empty && p->at[i] != '-' && !isalnum((unsigned char)p->at[i]))
            return false;
    }
    return !empty;
}

/* NUMBER[.NUMBER]...; the length, 0 if it is none. */
static size_t version_numbers(const char *text)
{
    size_t len = 0;

    for (;;) {
        size_t n = strspn(text + len, digits);
        if (!n)
            return 0;
        len += n;
        if (text[len] != '.')
            return len;
        len++;
    }
}

static bool version_parse(const char *text, struct version *v)
{
    *v = (struct version){0};
    if (strlen(text) >= VERSION_SIZE)
        return false;
    if ((*text == 'v' || *text == 'V') && text[1])
        text++;
    v->letters = (struct version_piece){text, strspn(text, letters)};
    text += v->letters.len;
    v->numbers = (struct version_piece){text, version_numbers(text)};
    text += v->numbers.len;
    if (!v->numbers.len)
        return false;
    if (*text == '-') {
        v->pre = (struct version_piece){text + 1, strcspn(text + 1, "+")};
        text += 1 + v->pre.len;
        if (!v->pre.len)
            return false;
        version_split_commits(&v->pre, &v->commits);
        if (v->pre.len && !version_has_identifiers(&v->pre))
            return false;
    }
    struct version_piece build = {text + 1, *text ? strlen(text + 1) : 0};
    return !*text || (*text == '+' && version_has_identifiers(&build));
}

/* Digits as a number, of any length; none are 0. */
static int version_compare_digits(struct version_piece a, struct version_piece b)
{
    for (; a.len && *a.at == '0'; a.len--)
        a.at++;
    for (; b.len && *b.at == '0'; b.len--)
        b.at++;
    if (a.len != b.len)
        return a.len < b.len ? -1 : 1;
    int order = a.len ? memcmp(a.at, b.at, a.len) : 0;
    return (order > 0) - (order < 0);
}

/* The next part before a dot; p starts after that dot. */
static struct version_piece version_next(struct version_piece *p)
{
    const char *dot = p->len ? memchr(p->at, '.', p->len) : NULL;
    struct version_piece part = {p->at, dot ? (size_t)(dot - p->at) : p->len};
    size_t used = part.len + (dot ? 1 : 0);

    *p = (struct version_piece){p->at + used, p->len - used};
    return part;
}

static int version_compare_numbers(struct version_piece a, struct version_piece b)
{
    int order = 0;

    while (!order && (a.len || b.len))
        order = version_compare_digits(version_next(&a), version_next(&b));
    return order;
}

static bool version_is_number(struct version_piece p)
{
    for (size_t i = 0; i < p.len; i++)
        if (!isdigit((unsigned char)p.at[i]))
            return false;
    return true;
}

/* semver.org, 11.4: numbers by value and before words, words by their bytes. */
static int version_compare_identifiers(struct version_piece a, struct version_piece b)
{
    bool na = version_is_number(a), nb = version_is_number(b);

    if (na && nb)
        return version_compare_digits(a, b);
    if (na != nb)
        return na ? -1 : 1;
    int order = memcmp(a.at, b.at, a.len < b.len ? a.len : b.len);
    if (!order && a.len != b.len)
        return a.len < b.len ? -1 : 1;
    return (order > 0) - (order < 0);
}

static int version_compare_pre(struct version_piece a, struct version_piece b)
{
    if (!a.len || !b.len)
        return a.len ? -1 : b.len ? 1 : 0;
    while (a.len && b.len) {
        int order = version_compare_identifiers(version_next(&a), version_next(&b));
        if (order)
            return order;
    }
    return a.len ? 1 : b.len ? -1 : 0;
}

bool version_is_valid(const char *text)
{
    struct version v;

    return version_parse(text, &v);
}

int version_compare(const char *a, const char *b, int *order)
{
    struct version va, vb;

    if (!version_parse(a, &va) || !version_parse(b, &vb) || va.letters.len != vb.letters.len ||
        memcmp(va.letters.at, vb.letters.at, va.letters.len) != 0)
        return -1;
    *order = version_compare_numbers(va.numbers, vb.numbers);
    if (!*order)
        *order = version_compare_pre(va.pre, vb.pre);
    if (!*order)
        *order = version_compare_digits(va.commits, vb.commits);
    return 0;
}
