#include "engine/apply/staged.h"

#include "base/io.h"
#include "base/memory.h"
#include "engine/archive/conf.h"
#include "engine/archive/zip_writer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define STAGED_FIRST_LINE "fwpack staged 1\n"
#define STAGED_MAX (CONF_META_MAX + 65536)

static int staged_entry(struct zip_writer *w, const char *name, const void *data, size_t len,
                        struct error *err)
{
    struct source_bytes bytes = {.data = data, .left = len};
    struct source source = source_from_bytes(&bytes);
    struct zip_new_entry entry = {.name = name, .size = len, .stored = true};

    return zip_writer_add(w, &entry, &source, err);
}

/* The archive without its resources, which is small enough for a memory file. */
static int staged_write_archive(int fd, const struct firmware *fw, struct error *err)
{
    struct zip_writer *w = zip_writer_new(fd, 1);
    int rc = 0;

    if (fw->is_signed)
        rc = staged_entry(w, FIRMWARE_SIGNATURE_NAME, fw->signature, sizeof fw->signature, err);
    if (!rc)
        rc = staged_entry(w, FIRMWARE_META_NAME, fw->meta_text.data, fw->meta_text.len, err);
    if (!rc)
        rc = zip_writer_finish(w, err);
    zip_writer_free(w);
    return rc;
}

int staged_save(const char *path, const struct firmware *fw, const char *task, struct error *err)
{
    struct buffer text = {0};
    int rc = -1, fd = memfd_create("staged", MFD_CLOEXEC);

    if (fd < 0)
        return error_errno(err, "cannot create a memory file");
    buffer_printf(&text, STAGED_FIRST_LINE "%s\n", task);
    if (!staged_write_archive(fd, fw, err) && !lseek(fd, 0, SEEK_SET) &&
        !io_read_fd(fd, "the staged archive", STAGED_MAX, &text, err))
        rc = io_write_file(path, text.data, text.len, 0600, err);
    buffer_free(&text);
    close(fd);
    return rc;
}

static int staged_split(struct staged *s, struct error *err)
{
    const char *text = buffer_text(&s->archive);
    size_t first = strlen(STAGED_FIRST_LINE);
    const char *task = text + first;

    if (strncmp(text, STAGED_FIRST_LINE, first))
        return error_set(err, EXIT_FAILED, "the staged firmware is damaged; stage it again");
    size_t len = strcspn(task, "\n");
    if (task[len] != '\n' || len >= sizeof s->task)
        return error_set(err, EXIT_FAILED, "the staged firmware is damaged; stage it again");
    snprintf(s->task, sizeof s->task, "%.*s", (int)len, task);
    buffer_drop(&s->archive, first + len + 1);
    return 0;
}

int staged_load(struct staged *s, const char *path, struct error *err)
{
    *s = (struct staged){0};
    if (access(path, F_OK))
        return error_set(err, EXIT_REFUSED, "no firmware is staged here (%s)", path);
    int rc = io_read_file(path, STAGED_MAX, &s->archive, err);
    if (!rc)
        rc = staged_split(s, err);
    if (rc)
        staged_free(s);
    return rc;
}

void staged_free(struct staged *s)
{
    buffer_free(&s->archive);
}
