/* SPDX-License-Identifier: Apache-2.0 */
#include "host/adaptive/cache_path.h"

#include "base/memory.h"
#include "base/user_path.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

char *cache_path(const char *name)
{
    char *below = memory_printf("fwssh/%s", name);
    char *path = user_path("XDG_CACHE_HOME", ".cache", below);

    free(below);
    return path;
}

void cache_path_make(const char *path)
{
    char *copy = memory_text(path);

    for (char *p = copy + 1; (p = strchr(p, '/')); p++) {
        *p = '\0';
        (void)mkdir(copy, 0700);
        *p = '/';
    }
    free(copy);
}
