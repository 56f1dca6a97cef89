#include "wire/subsystem.h"

#include <stddef.h>
#include <string.h>

const struct subsystem *subsystem_find(const char *name)
{
    static const struct subsystem table[] = {
        {"nerves_firmware_ssh", SUBSYSTEM_HEADER},
        {"fwup", SUBSYSTEM_DATA},
        {"fwssh", SUBSYSTEM_REQUEST},
    };

    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (!strcmp(table[i].name, name))
            return &table[i];
    return NULL;
}
