#include "engine/archive/firmware_file.h"

#include "base/io.h"
#include "base/memory.h"
#include "engine/archive/firmware.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char *firmware_file_text(cfg_t *cfg, const char *key)
{
    const char *text = cfg_getstr(cfg, key);

    return text ? memory_text(text) : NULL;
}

static int firmware_file_describe(struct firmware_file *f, struct error *err)
{
    struct firmware fw;

    if (firmware_open(&fw, source_from_fd(&f->fd), NULL, err))
        return error_prefix(err, "%s is not a usable firmware archive", f->path);
    f->product = firmware_file_text(fw.cfg, "meta-product");
    f->version = firmware_file_text(fw.cfg, "meta-version");
    f->platform = firmware_file_text(fw.cfg, "meta-platform");
    f->architecture = firmware_file_text(fw.cfg, "meta-architecture");
    f->nickname = firmware_file_text(fw.cfg, "meta-nickname");
    memcpy(f->uuid, fw.uuid, META_UUID_SIZE);
    firmware_close(&fw);
    if (lseek(f->fd, 0, SEEK_SET))
        return error_errno(err, "cannot read %s from its start", f->path);
    return 0;
}

int firmware_file_open(struct firmware_file *f, const char *path, struct error *err)
{
    struct stat st;
    int rc;

    *f = (struct firmware_file){.path = memory_text(path)};
    f->fd = open(path, O_RDONLY | O_CLOEXEC);
    if (f->fd < 0 || fstat(f->fd, &st))
        rc = error_errno(err, "cannot open the firmware %s", path);
    else if (!S_ISREG(st.st_mode))
        rc = error_set(err, EXIT_USAGE, "the firmware %s is not a regular file", path);
    else
        rc = firmware_file_describe(f, err);
    if (rc && err->status == EXIT_FAILED)
        err->status = EXIT_USAGE; /* the wrong file was named; nothing has failed yet */
    if (!rc)
        f->size = (uint64_t)st.st_size;
    return rc;
}

void firmware_file_close(struct firmware_file *f)
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
