#include "receive/subsystem.h"

#include <stddef.h>
#include <string.h>

const struct subsystem *subsystem_find(const char *name)
{
    static const struct subsystem table[] = {
        {"nerves_firmware_ssh", true},
        {"fwup", false},
    };

    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (!strcmp(table[i].name, name))
            return &table[i];
    return NULL;
}
