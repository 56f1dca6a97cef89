/* SPDX-License-Identifier: Apache-2.0 */
/* The header of the subsystem nerves_firmware_ssh, checked against the grammar of PROTOCOL.md as a
 * regular expression. */
#include "fuzz.h"

#include "wire/header.h"

#include <errno.h>
#include <regex.h>
#include <stdlib.h>
#include <string.h>

#define FWUP "fwup(:[0-9]+|\\([0-9]+\\))"

static bool fuzz_grammar(const char *line)
{
    static regex_t grammar;
    static bool compiled;

    if (!compiled &&
        regcomp(&grammar, "^(" FWUP "(," FWUP ")*(,reboot)?|reboot)$", REG_EXTENDED | REG_NOSUB))
        abort();
    compiled = true;
    return !regexec(&grammar, line, 0, NULL, 0);
}

/* The bounds, which the grammar does not have. h may be NULL. */
static bool fuzz_sizes(const char *line, const struct header *h)
{
    size_t count = 0;

    for (const char *p = line; (p = strstr(p, "fwup")); p += 5) {
        errno = 0;
        unsigned long long size = strtoull(p + 5, NULL, 10);
        if (errno || !size || size > INT64_MAX || count == HEADER_PAYLOADS_MAX)
            return false;
        if (h && (count >= h->count || h->size[count] != size))
            __builtin_trap();
        count++;
    }
    if (h && (h->count != count || h->reboot != (strstr(line, "reboot") != NULL)))
        __builtin_trap();
    return true;
}

static void fuzz_complaint(const struct error *err)
{
    size_t len = strnlen(err->text, sizeof err->text);

    if (err->status != EXIT_USAGE || !len || len == sizeof err->text)
        __builtin_trap();
    for (size_t i = 0; i < len; i++)
        if (err->text[i] < 0x20 || err->text[i] > 0x7e)
            __builtin_trap(); /* a terminal shows it */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct header h;
    struct error err;

    if (size >= HEADER_MAX)
        return 0;
    /* A copy of exactly that size: only the length ends the parser's input. */
    char *line = malloc(size ? size : 1), *text = fuzz_text(data, size);
    if (size)
        memcpy(line, data, size);
    memset(&err, 'x', sizeof err);
    bool accepted = !header_parse(line, size, &h, &err);
    bool good = strlen(text) == size && fuzz_grammar(text) && fuzz_sizes(text, NULL);
    if (accepted != good)
        __builtin_trap();
    if (accepted)
        fuzz_sizes(text, &h);
    else
        fuzz_complaint(&err);
    free(line);
    free(text);
    return 0;
}
