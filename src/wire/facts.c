/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/facts.h"

#include "base/clean.h"
#include "base/memory.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char facts_name_letters[] =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_";

static struct fact *facts_find(const struct facts *f, const char *name)
{
    for (size_t i = 0; i < f->count; i++)
        if (!strcmp(f->fact[i].name, name))
            return (struct fact *)&f->fact[i];
    return NULL;
}

void facts_set(struct facts *f, const char *name, const char *value)
{
    struct fact *fact = facts_find(f, name);

    if (!*name || name[strspn(name, facts_name_letters)] || (!fact && f->count == FACTS_MAX))
        return;
    if (!fact) {
        fact = &f->fact[f->count++];
        *fact = (struct fact){.name = memory_text(name)};
    }
    free(fact->value);
    fact->value = memory_text(value);
    clean_line(fact->value);
}

void facts_printf(struct facts *f, const char *name, const char *format, ...)
{
    char text[1024];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    facts_set(f, name, text);
}

const char *facts_get(const struct facts *f, const char *name)
{
    const struct fact *fact = facts_find(f, name);

    return fact ? fact->value : "";
}

void facts_parse(struct facts *f, const char *text)
{
    char *copy = memory_text(text), *rest = copy;

    for (char *line; (line = strsep(&rest, "\n"));) {
        char *value = strchr(line, '=');
        if (!value)
            continue;
        *value++ = '\0';
        value[strcspn(value, "\r")] = '\0';
        facts_set(f, line, value);
    }
    free(copy);
}

void facts_print(const struct facts *f, struct buffer *out)
{
    for (size_t i = 0; i < f->count; i++)
        buffer_printf(out, "%s=%s\n", f->fact[i].name, f->fact[i].value);
}

void facts_free(struct facts *f)
{
    for (size_t i = 0; i < f->count; i++) {
        free(f->fact[i].name);
        free(f->fact[i].value);
    }
    f->count = 0;
}
