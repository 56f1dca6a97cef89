/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/archive/create.h"

#include "base/io.h"
#include "base/memory.h"
#include "engine/archive/conf.h"
#include "engine/archive/conf_section.h"
#include "engine/archive/firmware.h"
#include "engine/archive/hash.h"
#include "engine/archive/resource_file.h"
#include "engine/archive/zip_writer.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The output: a temporary file next to the place, renamed at the end; or what is written as it is:
 * standard output, what is no regular file, and the names of descriptors. */
struct create_output {
    char *place; /* NULL: nothing is renamed */
    char *temporary;
    int fd;
};

static void create_free(struct create_output *out)
{
    if (out->fd != STDOUT_FILENO)
        io_close(&out->fd);
    free(out->temporary);
    free(out->place);
}

/* Where a link leads to, whose file may be missing: it is made and removed again, because only the
 * kernel knows how to follow links. NULL with errno. */
static char *create_place(const char *path)
{
    struct stat st;
    char *place = realpath(path, NULL);

    if (place || errno != ENOENT || lstat(path, &st) || !S_ISLNK(st.st_mode))
        return place || errno != ENOENT ? place : memory_text(path);
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOCTTY, 0600);
    if (fd < 0)
        return NULL;
    io_close(&fd);
    place = realpath(path, NULL);
    if (place)
        unlink(place);
    return place;
}

/* Through links: they stay what they are. */
static int create_open(struct create_output *out, const char *path, struct error *err)
{
    *out = (struct create_output){.fd = STDOUT_FILENO};
    if (!path || !strcmp(path, "-"))
        return 0;
    out->fd = io_open_through(path, 0);
    if (out->fd == IO_ORDINARY) {
        out->place = create_place(path);
        out->temporary = out->place ? memory_printf("%s.XXXXXX", out->place) : NULL;
        out->fd = out->place ? mkostemp(out->temporary, O_CLOEXEC) : -1;
    }
    if (out->fd >= 0)
        return 0;
    error_errno(err, "Cannot create '%s'", path);
    create_free(out);
    return -1;
}

static int create_close(struct create_output *out, int rc, struct error *err)
{
    mode_t mask = umask(0);

    umask(mask);
    if (out->temporary && !rc &&
        (fchmod(out->fd, 0666 & ~mask) || rename(out->temporary, out->place)))
        rc = error_errno(err, "cannot write '%s'", out->place);
    if (out->temporary && rc)
        unlink(out->temporary);
    create_free(out);
    return rc;
}

static int create_measure(cfg_t *resource, struct error *err)
{
    char digest[HASH_TEXT_SIZE];
    uint8_t piece[65536];
    struct resource_file file;
    struct hash h;
    ssize_t n;

    if (resource_file_open(&file, resource, err))
        return -1;
    struct source data = resource_file_source(&file);
    hash_start(&h);
    while ((n = data.read(data.data, piece, sizeof piece, err)) > 0)
        hash_add(&h, piece, (size_t)n);
    hash_end_text(&h, digest);
    if (!n)
        resource_file_describe(&file, resource, digest);
    resource_file_close(&file);
    return n < 0 ? -1 : 0;
}

/* assert-size-lte and -gte count blocks of 512 bytes. */
static int create_assert_size(cfg_t *resource, struct error *err)
{
    long most = cfg_getint(resource, "assert-size-lte"),
         least = cfg_getint(resource, "assert-size-gte");
    uint64_t size = 0;

    for (unsigned i = 0; i < cfg_size(resource, "length"); i++)
        size += (uint64_t)cfg_getnint(resource, "length", i);
    if (!cfg_getstr(resource, "host-path"))
        return 0;
    if (most >= 0 && size > (uint64_t)most * 512)
        return error_set(err, EXIT_FAILED,
                         "file-size assertion failed on '%s'. Size is %" PRIu64
                         " bytes. It must be <= %" PRIu64 " bytes (%ld blocks)",
                         cfg_title(resource), size, (uint64_t)most * 512, most);
    if (least >= 0 && size < (uint64_t)least * 512)
        return error_set(err, EXIT_FAILED,
                         "file-size assertion failed on '%s'. Size is %" PRIu64
                         " bytes. It must be >= %" PRIu64 " bytes (%ld blocks)",
                         cfg_title(resource), size, (uint64_t)least * 512, least);
    return 0;
}

/* meta.conf.ed25519 (if signed) and meta.conf, the first entries of every archive. */
static int create_head(struct zip_writer *w, const struct buffer *meta, const struct signer *signer,
                       struct error *err)
{
    uint8_t signature[KEYS_SIGNATURE_SIZE];
    struct source_bytes text = {.data = signature, .left = sizeof signature};
    struct source data = source_from_bytes(&text);

    if (signer_is_set(signer)) {
        if (signer_sign(signer, meta->data, meta->len, signature, err))
            return -1;
        struct zip_new_entry entry = {
            .name = FIRMWARE_SIGNATURE_NAME, .size = sizeof signature, .stored = true};
        if (zip_writer_add(w, &entry, &data, err))
            return -1;
    }
    text = (struct source_bytes){.data = meta->data, .left = meta->len};
    struct zip_new_entry entry = {.name = FIRMWARE_META_NAME, .size = meta->len, .has_mtime = true};
    if (meta_now(&entry.mtime, err))
        return -1;
    return zip_writer_add(w, &entry, &data, err);
}

/* Resource NAME is entry data/NAME, resource /X is entry X. The caller frees the result. */
static char *create_entry_name(const char *resource)
{
    return *resource == '/' ? memory_text(resource + 1) : memory_printf("data/%s", resource);
}

static int create_resource(struct zip_writer *w, cfg_t *resource, struct error *err)
{
    char *name = create_entry_name(cfg_title(resource));
    struct resource_file file;
    int rc = -1;

    if (!resource_file_open(&file, resource, err)) {
        struct source data = resource_file_source(&file);
        struct zip_new_entry entry = {.name = name, .size = firmware_resource_size(resource)};
        rc = zip_writer_add(w, &entry, &data, err);
        resource_file_close(&file);
    }
    free(name);
    return rc;
}

static int create_write(cfg_t *cfg, int fd, const struct signer *signer, int level,
                        struct error *err)
{
    struct zip_writer *w = zip_writer_new(fd, level);
    struct buffer meta = {0};
    int rc = -1;

    conf_print(cfg, &meta);
    if (meta.len > CONF_META_MAX) {
        error_set(err, EXIT_FAILED,
                  "meta.conf would have %zu bytes, but appliers read at most %d; shorten the "
                  "configuration",
                  meta.len, CONF_META_MAX);
        goto cleanup;
    }
    if (create_head(w, &meta, signer, err))
        goto cleanup;
    for (unsigned i = 0; i < cfg_size(cfg, "file-resource"); i++)
        if (create_resource(w, cfg_getnsec(cfg, "file-resource", i), err))
            goto cleanup;
    rc = zip_writer_finish(w, err);
cleanup:
    buffer_free(&meta);
    zip_writer_free(w);
    return rc;
}

int create_archive(const char *conf, const char *output, const struct signer *signer, int level,
                   create_check check, struct error *err)
{
    struct create_output out;
    int rc = -1;

    /* Unescaped uses in the configuration have to survive until the archive is applied. */
    setenv("FWUP_META_UUID", "${FWUP_META_UUID}", 1);
    setenv("FWUP_META_NICKNAME", "${FWUP_META_NICKNAME}", 1);
    cfg_t *cfg = conf_parse_file(conf, err);
    if (!cfg)
        return -1;
    for (unsigned i = 0; i < cfg_size(cfg, "file-resource"); i++) {
        cfg_t *resource = cfg_getnsec(cfg, "file-resource", i);
        if (create_measure(resource, err) || create_assert_size(resource, err))
            goto cleanup;
    }
    if ((check && check(cfg, err)) || create_open(&out, output, err))
        goto cleanup;
    rc = create_close(&out, create_write(cfg, out.fd, signer, level, err), err);
cleanup:
    cfg_free(cfg);
    return rc;
}

static ssize_t create_read_entry(void *data, void *buf, size_t size, struct error *err)
{
    return zip_reader_read(data, buf, size, err);
}

/* The writer needs each entry's size before its data: from the archive, else from meta.conf. */
static int create_copy_entry(struct zip_writer *w, struct firmware *fw,
                             const struct zip_entry *from, struct error *err)
{
    struct source data = {.read = create_read_entry, .data = fw->zip};
    cfg_t *resource = conf_section(fw->cfg, "file-resource", from->name);
    char *name = create_entry_name(from->name);
    struct zip_new_entry entry = {.name = name, .size = from->size};

    if (!from->size_known)
        entry.size = resource ? firmware_resource_size(resource) : 0;
    int rc = zip_writer_add(w, &entry, &data, err);
    free(name);
    return rc;
}

static int create_copy(struct firmware *fw, int fd, const struct signer *signer, struct error *err)
{
    struct zip_writer *w = zip_writer_new(fd, 9);
    struct zip_entry entry;
    int rc = create_head(w, &fw->meta_text, signer, err), found = 0;

    while (!rc && (found = firmware_next(fw, &entry, err)) > 0)
        rc = create_copy_entry(w, fw, &entry, err);
    if (!rc)
        rc = found < 0 ? -1 : zip_writer_finish(w, err);
    zip_writer_free(w);
    return rc;
}

static int create_from(const char *input, const char *output,
                       int (*write)(struct firmware *fw, int fd, const struct signer *signer,
                                    struct error *err),
                       const struct signer *signer, struct error *err)
{
    struct create_output out;
    struct firmware fw;
    int rc = -1;

    int fd = open(input, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return error_errno(err, "Cannot open '%s'", input);
    if (firmware_open(&fw, source_from_fd(&fd), NULL, err))
        goto cleanup;
    if (!create_open(&out, output, err))
        rc = create_close(&out, write(&fw, out.fd, signer, err), err);
    firmware_close(&fw);
cleanup:
    close(fd);
    return rc;
}

int create_signed(const char *input, const char *output, const struct signer *signer,
                  struct error *err)
{
    return create_from(input, output, create_copy, signer, err);
}

static int create_write_meta(struct firmware *fw, int fd, const struct signer *signer,
                             struct error *err)
{
    (void)signer;
    return io_write_all(fd, fw->meta_text.data, fw->meta_text.len)
               ? error_errno(err, "cannot write the data to be signed")
               : 0;
}

int create_digest(const char *input, const char *output, struct error *err)
{
    return create_from(input, output, create_write_meta, NULL, err);
}
