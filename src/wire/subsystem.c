/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/subsystem.h"

#include <stddef.h>
#include <string.h>

const struct subsystem *subsystem_find(const char *name)
{
    static const struct subsystem table[] = {
        {SUBSYSTEM_NERVES, SUBSYSTEM_HEADER},
        {SUBSYSTEM_FWUP, SUBSYSTEM_DATA},
        {SUBSYSTEM_FWSSH, SUBSYSTEM_REQUEST},
    };

    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (!strcmp(table[i].name, name))
            return &table[i];
    return NULL;
}
