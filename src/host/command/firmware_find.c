#include "host/command/firmware_find.h"

#include "base/memory.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>

static int firmware_is_fw(const struct dirent *entry)
{
    size_t len = strlen(entry->d_name);

    return len > 3 && entry->d_name[0] != '.' && !strcmp(entry->d_name + len - 3, ".fw");
}

/* The first one by name; NULL if there is none. */
static char *firmware_first_in(const char *dir)
{
    struct dirent **entries = NULL;
    int count = scandir(dir, &entries, firmware_is_fw, alphasort);
    char *path = count > 0 ? memory_printf("%s/%s", dir, entries[0]->d_name) : NULL;

    for (int i = 0; i < count; i++)
        free(entries[i]);
    free(entries);
    return path;
}

static char *firmware_search(const char *target, struct error *err)
{
    const char *env = getenv("MIX_ENV");
    const char *from_env = getenv("MIX_TARGET");
    char *path = NULL;

    target = target ? target : from_env && *from_env ? from_env : "rpi0";
    env = env && *env ? env : "dev";
    char *dirs[] = {
        memory_printf("_build/%s_%s/nerves/images", target, env),
        memory_printf("_build/%s/%s_%s/nerves/images", target, target, env),
        memory_printf("_build/%s/%s/nerves/images", target, env),
    };
    for (size_t i = 0; i < sizeof dirs / sizeof *dirs && !path; i++)
        path = firmware_first_in(dirs[i]);
    if (!path)
        error_set(err, EXIT_USAGE,
                  "no firmware found: no *.fw in %s, %s or %s; use --firmware FILE, or set "
                  "--target and MIX_ENV",
                  dirs[0], dirs[1], dirs[2]);
    for (size_t i = 0; i < sizeof dirs / sizeof *dirs; i++)
        free(dirs[i]);
    return path;
}

int firmware_find(struct firmware_file *f, const char *path, const char *target, struct error *err)
{
    char *found = path ? NULL : firmware_search(target, err);
    int rc = -1;

    *f = (struct firmware_file){.fd = -1};
    if (path || found)
        rc = firmware_file_open(f, path ? path : found, err);
    free(found);
    return rc;
}
