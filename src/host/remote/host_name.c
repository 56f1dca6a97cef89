/* SPDX-License-Identifier: Apache-2.0 */
#include "host/remote/host_name.h"

#include "base/memory.h"
#include "base/number.h"

#include <stdint.h>
#include <string.h>

#define HOST_PORT_MAX 65535

static int host_bad(const char *text, struct error *err)
{
    return error_set(err, EXIT_USAGE, "'%.100s' is not a valid host", text);
}

static int host_port(const char *text, const char *port, int *number, struct error *err)
{
    uint64_t value;

    if (number_parse_decimal(port, strlen(port), &value) || value < 1 || value > HOST_PORT_MAX)
        return error_set(err, EXIT_USAGE, "'%.100s' has no valid port (1 to %d)", text,
                         HOST_PORT_MAX);
    *number = (int)value;
    return 0;
}

int host_name_split(const char *text, char **name, int *port, struct error *err)
{
    const char *at = strrchr(text, '@'), *host = at ? at + 1 : text;
    const char *colon = strrchr(host, ':'), *close = strchr(host, ']');
    int user = (int)(host - text);

    *port = 0;
    *name = NULL;
    if (*text == '-' || !*host || *host == '-' || text[strcspn(text, " \t\r\n")])
        return host_bad(text, err);
    if (at == text)
        return host_bad(text, err);
    if (!strncmp(text, "ssh://", 6)) {
        if (text[6] == '-')
            return host_bad(text, err);
        *name = memory_text(text);
        return 0;
    }
    if (*host == '[') {
        if (!close || close == host + 1 || (close[1] && close[1] != ':'))
            return host_bad(text, err);
        *name = memory_printf("%.*s%.*s", user, text, (int)(close - host - 1), host + 1);
        return close[1] ? host_port(text, close + 2, port, err) : 0;
    }
    /* More than one colon: an IPv6 address. */
    if (!colon || strchr(host, ':') != colon) {
        *name = memory_text(text);
        return 0;
    }
    if (colon == host)
        return host_bad(text, err);
    *name = memory_printf("%.*s", (int)(colon - text), text);
    return host_port(text, colon + 1, port, err);
}
