#include "host/adaptive/cache_path.h"

#include "base/memory.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

char *cache_path(const char *name)
{
    const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");

    if (cache && *cache == '/')
        return memory_printf("%s/fwssh/%s", cache, name);
    return home && *home == '/' ? memory_printf("%s/.cache/fwssh/%s", home, name) : NULL;
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
