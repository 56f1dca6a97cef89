/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json.h"

#include "base/clean.h"

void json_string(struct buffer *out, const char *text)
{
    uint32_t code = 0;

    buffer_add(out, "\"", 1);
    for (const char *p = text; *p;) {
        size_t len = clean_utf8(p, &code);
        if (*p == '"' || *p == '\\')
            buffer_printf(out, "\\%c", *p);
        else if (len && (code < 0x20 || code == 0x7f))
            buffer_printf(out, "\\u%04x", (unsigned)code);
        else if (len && !clean_is_control(code))
            buffer_add(out, p, len);
        else
            buffer_add_text(out, "\xef\xbf\xbd");
        p += len ? len : 1;
    }
    buffer_add(out, "\"", 1);
}

void json_member(struct buffer *out, const char *key, const char *text)
{
    buffer_printf(out, ",\"%s\":", key);
    if (text)
        json_string(out, text);
    else
        buffer_add_text(out, "null");
}
