#include "host/output/json.h"

static size_t json_utf8_length(const unsigned char *p)
{
    size_t len = p[0] < 0x80 ? 1 : p[0] >= 0xc2 && p[0] < 0xe0 ? 2 : (p[0] & 0xf0) == 0xe0 ? 3 : 0;

    if (p[0] >= 0xf0 && p[0] < 0xf5)
        len = 4;
    for (size_t i = 1; i < len; i++)
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    return len;
}

void json_string(struct buffer *out, const char *text)
{
    const unsigned char *p = (const unsigned char *)text;

    buffer_add(out, "\"", 1);
    while (*p) {
        size_t len = json_utf8_length(p);
        if (*p == '"' || *p == '\\')
            buffer_printf(out, "\\%c", *p);
        else if (*p < 0x20 || *p == 0x7f)
            buffer_printf(out, "\\u%04x", *p);
        else if (len)
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

void json_event(struct buffer *out, const char *event, const char *host)
{
    buffer_add_text(out, "{\"event\":");
    json_string(out, event);
    buffer_add_text(out, ",\"host\":");
    json_string(out, host);
}
