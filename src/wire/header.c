/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/header.h"

#include "base/number.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* A command for a message: short, and without control characters. */
static void header_show(const char *text, size_t len, char *shown, size_t size)
{
    size_t at = 0;

    for (size_t i = 0; i < len && at + 8 < size; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c >= 0x20 && c < 0x7f)
            shown[at++] = (char)c;
        else
            at += (size_t)snprintf(shown + at, size - at, "\\x%02x", c);
        if (at > 40 && i + 1 < len) {
            at += (size_t)snprintf(shown + at, size - at, "...");
            break;
        }
    }
    shown[at] = '\0';
}

static bool header_starts(const char *text, size_t len, const char *prefix)
{
    return len >= strlen(prefix) && !memcmp(text, prefix, strlen(prefix));
}

static int header_bad(const char *text, size_t len, const char *why, struct error *err)
{
    char shown[80];

    header_show(text, len, shown, sizeof shown);
    return error_set(err, EXIT_USAGE, "bad header: '%s' %s", shown, why);
}

static int header_parse_size(const char *text, size_t len, size_t from, size_t to, struct header *h,
                             struct error *err)
{
    uint64_t size;

    if (from > to || number_parse_decimal(text + from, to - from, &size) || size < 1 ||
        size > INT64_MAX)
        return header_bad(text, len, "needs a size of 1 to 9223372036854775807 in plain digits",
                          err);
    if (h->count == HEADER_PAYLOADS_MAX)
        return error_set(err, EXIT_USAGE, "bad header: more than %d firmwares",
                         HEADER_PAYLOADS_MAX);
    h->size[h->count++] = size;
    return 0;
}

static int header_parse_command(const char *text, size_t len, struct header *h, struct error *err)
{
    if (h->reboot)
        return error_set(err, EXIT_USAGE, "bad header: nothing may follow 'reboot'");
    if (len == strlen("reboot") && header_starts(text, len, "reboot")) {
        h->reboot = true;
        return 0;
    }
    if (header_starts(text, len, "fwup:"))
        return header_parse_size(text, len, 5, len, h, err);
    if (header_starts(text, len, "fwup(") && text[len - 1] == ')')
        return header_parse_size(text, len, 5, len - 1, h, err);
    return header_bad(text, len, "is not a command; expected fwup:SIZE or reboot", err);
}

int header_parse(const char *line, size_t len, struct header *h, struct error *err)
{
    *h = (struct header){0};
    for (;;) {
        const char *comma = memchr(line, ',', len);
        size_t command = comma ? (size_t)(comma - line) : len;
        if (header_parse_command(line, command, h, err))
            return -1;
        if (!comma)
            return 0;
        line += command + 1;
        len -= command + 1;
    }
}

void header_print(const struct header *h, struct buffer *line)
{
    for (size_t i = 0; i < h->count; i++)
        buffer_printf(line, "%sfwup:%" PRIu64, i ? "," : "", h->size[i]);
    if (h->reboot)
        buffer_printf(line, "%sreboot", h->count ? "," : "");
    buffer_add_text(line, "\n");
}
