/* SPDX-License-Identifier: Apache-2.0 */
#include "host/adaptive/cache_path.h"

#include "base/memory.h"
#include "base/user_path.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

char *cache_path(const char *name)
{
    char *below = memory_printf("fwssh/%s", name);
    char *path = user_path("XDG_CACHE_HOME", ".cache", below);

    free(below);
    return path;
}

/* The home of a service's user may be missing on purpose, as /nonexistent is. */
static bool cache_path_lacks_home(const char *path)
{
    const char *home = getenv("HOME");
    size_t len = home ? strlen(home) : 0;

    return len && !strncmp(path, home, len) && access(home, F_OK);
}

void cache_path_make(const char *path)
{
    if (cache_path_lacks_home(path))
        return;
    char *copy = memory_text(path);

    for (char *p = copy + 1; (p = strchr(p, '/')); p++) {
        *p = '\0';
        (void)mkdir(copy, 0700);
        *p = '/';
    }
    free(copy);
}
