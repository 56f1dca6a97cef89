#include "archive/resource_file.h"

#include "base/io.h"
#include "base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int resource_file_open(struct resource_file *f, cfg_t *resource, struct error *err)
{
    const char *host_path = cfg_getstr(resource, "host-path");

    (void)err;
    *f = (struct resource_file){
        .fd = -1, .text = cfg_getstr(resource, "contents"), .dir = resource->filename};
    if (host_path) {
        f->paths = memory_text(host_path);
        f->next = f->paths;
    }
    return 0;
}

static int resource_file_open_next(struct resource_file *f, struct error *err)
{
    char *path = strsep(&f->next, ";");
    char *dir = memory_text(f->dir ? f->dir : "");
    bool as_is = *path == '/' || *path == '~' || !f->dir;
    char *full = as_is ? memory_text(path) : memory_printf("%s/%s", dirname(dir), path);

    f->fd = open(full, O_RDONLY | O_CLOEXEC);
    int rc = f->fd < 0 ? error_errno(err, "can't open file '%s'", full) : 0;
    free(dir);
    free(full);
    return rc;
}

static ssize_t resource_file_read_text(struct resource_file *f, void *buf, size_t size)
{
    size_t len = strlen(f->text);
    size_t n = len < size ? len : size;

    memcpy(buf, f->text, n);
    f->text += n;
    f->total += n;
    return (ssize_t)n;
}

static ssize_t resource_file_read(void *data, void *buf, size_t size, struct error *err)
{
    struct resource_file *f = data;

    if (!f->paths)
        return resource_file_read_text(f, buf, size);
    for (;;) {
        if (f->fd < 0 && !f->next)
            return 0;
        if (f->fd < 0 && resource_file_open_next(f, err))
            return -1;
        ssize_t n = io_read_full(f->fd, buf, size);
        if (n < 0)
            return error_errno(err, "can't read a file of host-path '%s'", f->paths);
        if (n > 0) {
            f->total += (uint64_t)n;
            return n;
        }
        io_close(&f->fd);
    }
}

struct source resource_file_source(struct resource_file *f)
{
    return (struct source){.read = resource_file_read, .data = f};
}

void resource_file_describe(const struct resource_file *f, cfg_t *resource, const char *digest)
{
    cfg_setnint(resource, "length", (long)f->total, 0);
    cfg_setstr(resource, "blake2b-256", digest);
}

void resource_file_close(struct resource_file *f)
{
    io_close(&f->fd);
    free(f->paths);
    f->paths = NULL;
}
