/* SPDX-License-Identifier: Apache-2.0 */
#include "base/user_path.h"

#include "base/memory.h"

#include <stdlib.h>

char *user_path(const char *variable, const char *below, const char *name)
{
    const char *directory = getenv(variable), *home = getenv("HOME");

    if (directory && *directory == '/')
        return memory_printf("%s/%s", directory, name);
    return home && *home == '/' ? memory_printf("%s/%s/%s", home, below, name) : NULL;
}
