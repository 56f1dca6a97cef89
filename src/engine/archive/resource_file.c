/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/archive/resource_file.h"

#include "base/io.h"
#include "base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int resource_file_open(struct resource_file *f, cfg_t *resource, struct error *err)
{
    const char *host_path = cfg_getstr(resource, "host-path");

    (void)err;
    *f = (struct resource_file){
        .fd = -1,
        .text = cfg_getstr(resource, "contents"),
        .dir = resource->filename,
        .skip_holes = cfg_getbool(resource, "skip-holes"),
        .pieces = 1,
    };
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

/* Adjacent pieces of the same kind are merged; data pieces have even indices. */
static void resource_file_count(struct resource_file *f, bool is_hole, uint64_t len)
{
    bool last_is_hole = f->pieces % 2 == 0;

    if (is_hole != last_is_hole)
        f->piece[f->pieces++] = 0;
    f->piece[f->pieces - 1] += len;
}

static ssize_t resource_file_read_text(struct resource_file *f, void *buf, size_t size)
{
    size_t len = strlen(f->text);
    size_t n = len < size ? len : size;

    memcpy(buf, f->text, n);
    f->text += n;
    resource_file_count(f, false, n);
    return (ssize_t)n;
}

/* Skips a hole to the next data of the current file. A file that cannot have holes is all data. */
static void resource_file_find_data(struct resource_file *f)
{
    off_t here = lseek(f->fd, 0, SEEK_CUR), data, end;
    struct stat st;

    f->data_end = UINT64_MAX;
    /* A hole needs room for itself and for the data after it. */
    bool in_hole = f->pieces % 2 == 0;
    if (!f->skip_holes || here < 0 || f->pieces + (in_hole ? 1 : 2) > RESOURCE_PIECES_MAX ||
        fstat(f->fd, &st))
        return;
    data = lseek(f->fd, here, SEEK_DATA);
    if (data < 0 && errno == ENXIO)
        data = st.st_size; /* nothing but a hole up to the end */
    if (data > here)
        resource_file_count(f, true, (uint64_t)(data - here));
    end = data < 0 ? -1 : lseek(f->fd, data, SEEK_HOLE);
    if (end >= 0)
        f->data_end = (uint64_t)end;
    lseek(f->fd, data < 0 ? here : data, SEEK_SET);
}

static ssize_t resource_file_read_data(struct resource_file *f, void *buf, size_t size)
{
    off_t here = lseek(f->fd, 0, SEEK_CUR);

    if (here >= 0 && (uint64_t)here >= f->data_end) {
        resource_file_find_data(f);
        here = lseek(f->fd, 0, SEEK_CUR);
    }
    if (here >= 0 && size > f->data_end - (uint64_t)here)
        size = (size_t)(f->data_end - (uint64_t)here);
    return io_read_full(f->fd, buf, size);
}

static ssize_t resource_file_read(void *data, void *buf, size_t size, struct error *err)
{
    struct resource_file *f = data;

    if (!f->paths)
        return resource_file_read_text(f, buf, size);
    for (;;) {
        if (f->fd < 0 && !f->next)
            return 0;
        if (f->fd < 0) {
            if (resource_file_open_next(f, err))
                return -1;
            resource_file_find_data(f);
        }
        ssize_t n = resource_file_read_data(f, buf, size);
        if (n < 0)
            return error_errno(err, "can't read a file of host-path '%s'", f->paths);
        if (n > 0) {
            resource_file_count(f, false, (uint64_t)n);
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
    for (unsigned i = 0; i < f->pieces; i++)
        cfg_setnint(resource, "length", (long)f->piece[i], i);
    cfg_setstr(resource, "blake2b-256", digest);
}

void resource_file_close(struct resource_file *f)
{
    io_close(&f->fd);
    free(f->paths);
    f->paths = NULL;
}
