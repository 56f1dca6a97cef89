#include "device/updaters/updater_path.h"

#include "base/io.h"
#include "base/memory.h"
#include "device/config/trusted_file.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

char *updater_path_search(const char *name)
{
    if (strchr(name, '/'))
        return access(name, X_OK) ? NULL : memory_text(name);
    const char *path = getenv("PATH");
    char *copy = memory_text(path ? path : "/usr/sbin:/usr/bin:/sbin:/bin"), *rest = copy,
         *found = NULL;

    for (char *dir; !found && (dir = strsep(&rest, ":"));) {
        char *candidate = memory_printf("%s/%s", *dir ? dir : ".", name);
        if (!access(candidate, X_OK))
            found = candidate;
        else
            free(candidate);
    }
    free(copy);
    return found;
}

static char *updater_path_fwpack(const struct device_config *config)
{
    char *found =
        config->own_program ? memory_text(config->own_program) : updater_path_search("fwpack");

    if (!found && !access(FWSSH_BINDIR "/fwpack", X_OK))
        found = memory_text(FWSSH_BINDIR "/fwpack");
    return found;
}

char *updater_path_find(const struct device_config *config)
{
    const char *key = config->updater;

    if (!strcmp(key, "fwpack"))
        return updater_path_fwpack(config);
    if (strcmp(key, "auto"))
        return updater_path_search(key);
    char *found = updater_path_search("fwup");
    return found ? found : updater_path_fwpack(config);
}

int updater_path_check(const struct device_config *config, const char *name, const char *key,
                       struct error *err)
{
    bool own = config->own_program && !strcmp(name, config->own_program);
    char *found = config->strict_modes && !own ? updater_path_search(name) : NULL;
    char *whole = found && *found != '/' ? realpath(found, NULL) : found;
    int fd = -1, rc = 0;

    if (whole && (fd = trusted_file_open(whole, true, err)) < 0)
        rc = error_suffix(err, "it is not run (keys %s and strict-modes)", key);
    io_close(&fd);
    if (whole != found)
        free(whole);
    free(found);
    return rc;
}
