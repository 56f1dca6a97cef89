/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/archive/expression.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define EXPRESSION_DEPTH_MAX 16

struct expression {
    const char *text, *p;
    int depth;
    struct error *err;
};

static int expression_sum(struct expression *e, int64_t *value);

static int expression_fail(struct expression *e, const char *why)
{
    return error_set(e->err, EXIT_FAILED, "cannot evaluate '%s': %s", e->text, why);
}

static char expression_peek(struct expression *e)
{
    while (isspace((unsigned char)*e->p))
        e->p++;
    return *e->p;
}

/* The longest suffixes first, so that "kB" is not taken for something shorter. */
static int expression_suffix(struct expression *e, int64_t *value)
{
    static const struct {
        const char *name;
        int64_t factor;
    } suffixes[] = {
        {"kB", 1000}, {"MB", 1000000}, {"GB", 1000000000}, {"c", 1},       {"w", 2},
        {"b", 512},   {"K", 1 << 10},  {"M", 1 << 20},     {"G", 1 << 30},
    };

    for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++) {
        size_t len = strlen(suffixes[i].name);
        if (strncmp(e->p, suffixes[i].name, len))
            continue;
        e->p += len;
        if (__builtin_mul_overflow(*value, suffixes[i].factor, value))
            return expression_fail(e, "the result does not fit in 64 bits");
        break;
    }
    return 0;
}

static int expression_atom(struct expression *e, int64_t *value)
{
    char *end;

    if (expression_peek(e) == '(') {
        e->p++;
        if (++e->depth > EXPRESSION_DEPTH_MAX)
            return expression_fail(e, "too many parentheses");
        if (expression_sum(e, value))
            return -1;
        if (expression_peek(e) != ')')
            return expression_fail(e, "missing ')'");
        e->p++;
        e->depth--;
        return expression_suffix(e, value);
    }
    if (!isdigit((unsigned char)*e->p))
        return expression_fail(e, *e->p ? "a number is expected" : "unexpected end");
    errno = 0;
    *value = strtoll(e->p, &end, 0);
    if (errno)
        return expression_fail(e, "a number does not fit in 64 bits");
    e->p = end;
    return expression_suffix(e, value);
}

static int expression_unary(struct expression *e, int64_t *value)
{
    if (expression_peek(e) != '-')
        return expression_atom(e, value);
    e->p++;
    if (++e->depth > EXPRESSION_DEPTH_MAX)
        return expression_fail(e, "too many minus signs");
    if (expression_unary(e, value))
        return -1;
    e->depth--;
    if (__builtin_sub_overflow((int64_t)0, *value, value))
        return expression_fail(e, "the result does not fit in 64 bits");
    return 0;
}

static int expression_power(struct expression *e, int64_t *value)
{
    int64_t exponent, base;

    if (expression_unary(e, value))
        return -1;
    if (expression_peek(e) != '^')
        return 0;
    e->p++;
    if (++e->depth > EXPRESSION_DEPTH_MAX)
        return expression_fail(e, "too many powers");
    if (expression_power(e, &exponent))
        return -1;
    e->depth--;
    if (exponent < 0 || exponent > 63)
        return expression_fail(e, "an exponent must be 0 to 63");
    base = *value;
    *value = 1;
    for (int64_t i = 0; i < exponent; i++)
        if (__builtin_mul_overflow(*value, base, value))
            return expression_fail(e, "the result does not fit in 64 bits");
    return 0;
}

static int expression_product(struct expression *e, int64_t *value)
{
    int64_t right;

    if (expression_power(e, value))
        return -1;
    for (char op; (op = expression_peek(e)) == '*' || op == '/';) {
        e->p++;
        if (expression_power(e, &right))
            return -1;
        if (op == '/' && right == 0)
            return expression_fail(e, "division by zero");
        if (op == '/' && right == -1 && *value == INT64_MIN)
            return expression_fail(e, "the result does not fit in 64 bits");
        if (op == '/')
            *value /= right;
        else if (__builtin_mul_overflow(*value, right, value))
            return expression_fail(e, "the result does not fit in 64 bits");
    }
    return 0;
}

static int expression_sum(struct expression *e, int64_t *value)
{
    int64_t right;

    if (expression_product(e, value))
        return -1;
    for (char op; (op = expression_peek(e)) == '+' || op == '-';) {
        e->p++;
        if (expression_product(e, &right))
            return -1;
        if (op == '+' ? __builtin_add_overflow(*value, right, value)
                      : __builtin_sub_overflow(*value, right, value))
            return expression_fail(e, "the result does not fit in 64 bits");
    }
    return 0;
}

int expression_eval(const char *text, int64_t *value, struct error *err)
{
    struct expression e = {.text = text, .p = text, .err = err};

    if (expression_sum(&e, value))
        return -1;
    if (expression_peek(&e))
        return expression_fail(&e, "unexpected text after the expression");
    return 0;
}
