/* SPDX-License-Identifier: Apache-2.0 */
#include "host/command/firmware_find.h"

#include "base/memory.h"

#include <dirent.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static int firmware_is_fw(const struct dirent *entry)
{
    size_t len = strlen(entry->d_name);

    return len > 3 && entry->d_name[0] != '.' && !strcmp(entry->d_name + len - 3, ".fw");
}

/* The newest file so far, and how many there are. */
struct firmware_choice {
    char *path;
    struct timespec when;
    size_t count;
};

static bool firmware_is_newer(const struct stat *st, const struct firmware_choice *c)
{
    if (st->st_mtim.tv_sec != c->when.tv_sec)
        return st->st_mtim.tv_sec > c->when.tv_sec;
    return st->st_mtim.tv_nsec > c->when.tv_nsec;
}

static void firmware_look_in(struct firmware_choice *c, const char *dir)
{
    struct dirent **entries = NULL;
    int count = scandir(dir, &entries, firmware_is_fw, alphasort);
    struct stat st;

    for (int i = 0; i < count; i++) {
        char *path = memory_printf("%s/%s", dir, entries[i]->d_name);
        bool fits = !stat(path, &st) && S_ISREG(st.st_mode);
        c->count += fits;
        if (fits && (!c->path || firmware_is_newer(&st, c))) {
            free(c->path);
            c->path = path;
            c->when = st.st_mtim;
        } else {
            free(path);
        }
        free(entries[i]);
    }
    free(entries);
}

static const char *firmware_setting(const char *given, const char *name, const char *otherwise)
{
    const char *value = getenv(name);

    return given ? given : value && *value ? value : otherwise;
}

static void firmware_search(struct firmware_choice *c, const char *target, struct error *err)
{
    const char *env = firmware_setting(NULL, "MIX_ENV", "dev");
    const char *build = firmware_setting(NULL, "MIX_BUILD_PATH", "");

    target = firmware_setting(target, "MIX_TARGET", "rpi0");
    char *dirs[] = {
        *build ? memory_printf("%s/nerves/images", build) : NULL,
        memory_printf("_build/%s_%s/nerves/images", target, env),
        memory_printf("_build/%s/%s_%s/nerves/images", target, target, env),
        memory_printf("_build/%s/%s/nerves/images", target, env),
        memory_printf("_images/%s", target),
        memory_text("_images"),
    };
    for (size_t i = 0; i < sizeof dirs / sizeof *dirs; i++)
        if (dirs[i])
            firmware_look_in(c, dirs[i]);
    if (!c->path)
        error_set(err, EXIT_USAGE,
                  "no firmware found: no *.fw in %s%s%s, %s, %s or _images; use --firmware FILE, "
                  "or set --target and MIX_ENV",
                  dirs[0] ? dirs[0] : "", dirs[0] ? ", " : "", dirs[1], dirs[2], dirs[3]);
    for (size_t i = 0; i < sizeof dirs / sizeof *dirs; i++)
        free(dirs[i]);
}

int firmware_find(struct firmware_file *f, const char *path, const char *target, size_t *fit,
                  struct error *err)
{
    struct firmware_choice choice = {0};
    int rc = -1;

    *f = (struct firmware_file){.fd = -1};
    if (!path)
        firmware_search(&choice, target, err);
    if (path || choice.path)
        rc = firmware_file_open_any(f, path ? path : choice.path, err);
    *fit = choice.count;
    free(choice.path);
    return rc;
}
