#include "host/command/firmware_find.h"

#include "base/io.h"
#include "base/memory.h"
#include "engine/archive/firmware.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

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
        error_set(
            err, EXIT_USAGE,
            "found no firmware: no *.fw in %s, %s or %s; name it with --firmware FILE, or set "
            "--target and MIX_ENV",
            dirs[0], dirs[1], dirs[2]);
    for (size_t i = 0; i < sizeof dirs / sizeof *dirs; i++)
        free(dirs[i]);
    return path;
}

static char *firmware_text(cfg_t *cfg, const char *key)
{
    const char *text = cfg_getstr(cfg, key);

    return text ? memory_text(text) : NULL;
}

static int firmware_describe(struct firmware_file *f, struct error *err)
{
    struct firmware fw;

    if (firmware_open(&fw, source_from_fd(&f->fd), NULL, err))
        return error_prefix(err, "%s is not a usable firmware", f->path);
    f->product = firmware_text(fw.cfg, "meta-product");
    f->version = firmware_text(fw.cfg, "meta-version");
    f->platform = firmware_text(fw.cfg, "meta-platform");
    f->architecture = firmware_text(fw.cfg, "meta-architecture");
    f->nickname = firmware_text(fw.cfg, "meta-nickname");
    memcpy(f->uuid, fw.uuid, META_UUID_SIZE);
    firmware_close(&fw);
    if (lseek(f->fd, 0, SEEK_SET))
        return error_errno(err, "cannot read %s from its start", f->path);
    return 0;
}

int firmware_find(struct firmware_file *f, const char *path, const char *target, struct error *err)
{
    struct stat st;

    *f = (struct firmware_file){.fd = -1};
    f->path = path ? memory_text(path) : firmware_search(target, err);
    if (!f->path)
        return -1;
    f->fd = open(f->path, O_RDONLY | O_CLOEXEC);
    if (f->fd < 0 || fstat(f->fd, &st)) {
        error_errno(err, "cannot open the firmware %s", f->path);
        goto failed;
    }
    if (!S_ISREG(st.st_mode)) {
        error_set(err, EXIT_USAGE, "the firmware %s is not a file", f->path);
        goto failed;
    }
    f->size = (uint64_t)st.st_size;
    if (firmware_describe(f, err))
        goto failed;
    return 0;
failed:
    if (err->status == EXIT_FAILED)
        err->status = EXIT_USAGE;
    firmware_find_close(f);
    return -1;
}

void firmware_find_close(struct firmware_file *f)
{
    io_close(&f->fd);
    free(f->path);
    free(f->product);
    free(f->version);
    free(f->platform);
    free(f->architecture);
    free(f->nickname);
    *f = (struct firmware_file){.fd = -1};
}
