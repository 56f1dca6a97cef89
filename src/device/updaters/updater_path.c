/* SPDX-License-Identifier: Apache-2.0 */
#include "device/updaters/updater_path.h"

#include "base/io.h"
#include "base/memory.h"
#include "device/config/trusted_file.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A directory may be "executed", too. */
static bool updater_path_is_program(const char *path)
{
    struct stat st;

    return !access(path, X_OK) && !stat(path, &st) && S_ISREG(st.st_mode);
}

char *updater_path_search(const char *name)
{
    if (strchr(name, '/'))
        return updater_path_is_program(name) ? memory_text(name) : NULL;
    const char *path = getenv("PATH");
    char *copy = memory_text(path ? path : "/usr/sbin:/usr/bin:/sbin:/bin"), *rest = copy,
         *found = NULL;

    for (char *dir; !found && (dir = strsep(&rest, ":"));) {
        char *candidate = memory_printf("%s/%s", *dir ? dir : ".", name);
        if (updater_path_is_program(candidate))
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

const char *updater_path_name(const char *program)
{
    const char *slash = strrchr(program, '/');

    return slash ? slash + 1 : program;
}

bool updater_path_is_adapter(const char *program)
{
    return !strncmp(updater_path_name(program), UPDATER_ADAPTER_PREFIX,
                    strlen(UPDATER_ADAPTER_PREFIX));
}

/* Where fwssh-agent has written its adapters. */
#define UPDATER_OWN_DIR "/proc/self/cwd"

/* The adapter that came with this program, or NULL. */
static char *updater_path_adapter(const struct device_config *config, const char *name)
{
    char *path = memory_printf("%s/" UPDATER_ADAPTER_PREFIX "%s",
                               config->own_program ? UPDATER_OWN_DIR : FWSSH_LIBEXECDIR, name);

    if (!strchr(name, '/') && !access(path, X_OK))
        return path;
    free(path);
    return NULL;
}

bool updater_path_names_adapter(const char *name)
{
    static const char *const names[] = {"rauc", "swupdate", "mender", "image"};

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (!strcmp(name, names[i]))
            return true;
    return false;
}

char *updater_path_find(const struct device_config *config)
{
    const char *key = config->updater;

    if (!strcmp(key, "fwpack"))
        return updater_path_fwpack(config);
    bool named = strcmp(key, "auto") != 0;
    char *found = named ? updater_path_adapter(config, key) : NULL;
    if (!found && !updater_path_names_adapter(key))
        found = updater_path_search(named ? key : "fwup");
    if (named)
        return found;
    return found ? found : updater_path_fwpack(config);
}

bool updater_path_selects_adapter(const struct device_config *config)
{
    char *path = updater_path_find(config);
    bool is = path && updater_path_is_adapter(path);

    free(path);
    return is;
}

const char *updater_path_signatures(const struct device_config *config)
{
    if (updater_path_selects_adapter(config))
        return "updater";
    return config->firmware_public_keys.count ? "on" : "off";
}

int updater_path_check(const struct device_config *config, const char *name, const char *key,
                       struct error *err)
{
    /* The directory, which has no path, is as much ours as the program. */
    bool own =
        config->own_program && (!strcmp(name, config->own_program) ||
                                !strncmp(name, UPDATER_OWN_DIR "/", strlen(UPDATER_OWN_DIR "/")));
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
