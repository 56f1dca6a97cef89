/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/archive/conf_variable.h"

#include <string.h>

unsigned conf_variable_open(const char *text, size_t len)
{
    unsigned line = 1;
    char quote = '\0';

    for (size_t i = 0; i < len; i++) {
        char c = text[i];
        if (c == '\\' && i + 1 < len)
            c = text[++i] == '\n' ? '\n' : '\0';
        line += c == '\n';
        if (quote ? c == quote : c == '"' || c == '\'')
            quote = quote ? '\0' : c;
        if (c != '$' || quote == '\'' || i + 1 >= len || text[i + 1] != '{')
            continue;
        size_t end = strcspn(text + i, "}\"\n");
        if (i + end >= len || text[i + end] != '}')
            return line;
    }
    return 0;
}
