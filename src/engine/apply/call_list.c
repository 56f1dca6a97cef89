/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/apply/call_list.h"

#include "base/number.h"

#include <string.h>

int call_list_next(cfg_t *section, const char *list, unsigned *at, struct call *call,
                   struct error *err)
{
    unsigned size = cfg_size(section, list);
    uint64_t count;

    if (*at >= size)
        return 0;
    const char *text = cfg_getnstr(section, list, *at);
    if (number_parse_decimal(text, strlen(text), &count) || count < 1 ||
        count > 1 + FUNCTION_ARGS_MAX || count > size - *at - 1)
        return error_set(err, EXIT_MISMATCH, "the archive's %s is malformed at element %u", list,
                         *at);
    call->name = cfg_getnstr(section, list, *at + 1);
    call->argc = (int)count - 1;
    for (int i = 0; i < call->argc; i++)
        call->argv[i] = cfg_getnstr(section, list, *at + 2 + (unsigned)i);
    *at += 1 + (unsigned)count;
    return 1;
}
