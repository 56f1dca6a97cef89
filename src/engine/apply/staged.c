/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/apply/staged.h"

#include "base/io.h"
#include "base/memory.h"
#include "base/number.h"
#include "engine/archive/conf.h"
#include "engine/archive/zip_writer.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define STAGED_FIRST_LINE "fwpack staged 2\n"
#define STAGED_END "end\n"
/* Two numbers and a hash. */
#define STAGED_LINE_MAX 128
#define STAGED_MAX (CONF_META_MAX + 65536 + EXTENT_LIST_MAX * STAGED_LINE_MAX)
#define STAGED_PIECE (1u << 20)

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

static int staged_hash(struct block_cache *cache, const struct block_range *range,
                       char text[HASH_TEXT_SIZE], struct error *err)
{
    uint8_t *piece = memory_new(STAGED_PIECE, 1);
    uint64_t done = 0;
    struct hash hash;
    int rc = 0;

    hash_start(&hash);
    while (done < range->len && !rc) {
        size_t n = range->len - done < STAGED_PIECE ? (size_t)(range->len - done) : STAGED_PIECE;
        rc = block_cache_read_exact(cache, range->offset + done, piece, n, err);
        if (!rc)
            hash_add(&hash, piece, n);
        done += n;
    }
    hash_end_text(&hash, text);
    free(piece);
    return rc;
}

static int staged_print_parts(const struct staged_new *n, struct buffer *text, struct error *err)
{
    char hash[HASH_TEXT_SIZE];

    for (size_t i = 0; i < n->written->count; i++) {
        const struct block_range *range = &n->written->item[i];
        if (staged_hash(n->cache, range, hash, err))
            return -1;
        buffer_printf(text, "%" PRIu64 " %" PRIu64 " %s\n", range->offset, range->len, hash);
    }
    buffer_add_text(text, STAGED_END);
    return 0;
}

int staged_save(const char *path, const struct staged_new *n, struct error *err)
{
    struct buffer text = {0};
    int rc = -1, fd = memfd_create("staged", MFD_CLOEXEC);

    if (fd < 0)
        return error_errno(err, "cannot create a memory file");
    buffer_printf(&text, STAGED_FIRST_LINE "%s\n", n->task);
    if (!staged_print_parts(n, &text, err) && !staged_write_archive(fd, n->fw, err) &&
        !lseek(fd, 0, SEEK_SET) && !io_read_fd(fd, "the staged archive", STAGED_MAX, &text, err))
        rc = io_write_file(path, text.data, text.len, 0600, err);
    buffer_free(&text);
    close(fd);
    return rc;
}

/* The bytes of the line at the start of text, without its newline; -1 if there is none. */
static int staged_line(const struct buffer *text, size_t max)
{
    const char *end = text->len ? memchr(text->data, '\n', text->len) : NULL;

    return end && (size_t)(end - text->data) < max ? (int)(end - text->data) : -1;
}

static int staged_read_task(struct staged *s)
{
    size_t first = strlen(STAGED_FIRST_LINE);

    if (s->archive.len < first || memcmp(s->archive.data, STAGED_FIRST_LINE, first) != 0)
        return -1;
    buffer_drop(&s->archive, first);
    int len = staged_line(&s->archive, sizeof s->task);
    if (len < 0)
        return -1;
    memcpy(s->task, s->archive.data, (size_t)len);
    s->task[len] = '\0';
    buffer_drop(&s->archive, (size_t)len + 1);
    return 0;
}

/* A number and the blank after it. */
static const char *staged_number(const char *at, uint64_t *value)
{
    size_t len = strcspn(at, " ");

    return at[len] && !number_parse_decimal(at, len, value) ? at + len + 1 : NULL;
}

static int staged_read_part(const char *line, struct staged_part *part)
{
    const char *at = staged_number(line, &part->range.offset);

    at = at ? staged_number(at, &part->range.len) : NULL;
    if (!at || strlen(at) != HASH_TEXT_SIZE - 1 || !part->range.len ||
        part->range.offset > INT64_MAX || part->range.len > INT64_MAX)
        return -1;
    memcpy(part->hash, at, HASH_TEXT_SIZE);
    return 0;
}

/* The lines up to the end of the list, which has to be there. */
static int staged_read_parts(struct staged *s)
{
    char line[STAGED_LINE_MAX];
    size_t used = 0;

    s->part = memory_new(EXTENT_LIST_MAX, sizeof *s->part);
    for (;;) {
        struct buffer rest = {.data = s->archive.data + used, .len = s->archive.len - used};
        int len = staged_line(&rest, sizeof line);
        if (len < 0)
            return -1;
        memcpy(line, rest.data, (size_t)len);
        line[len] = '\0';
        used += (size_t)len + 1;
        if (!strncmp(line, STAGED_END, strlen(STAGED_END) - 1) && len == 3)
            break;
        if (s->count == EXTENT_LIST_MAX || staged_read_part(line, &s->part[s->count++]))
            return -1;
    }
    buffer_drop(&s->archive, used);
    return 0;
}

int staged_load(struct staged *s, const char *path, struct error *err)
{
    *s = (struct staged){0};
    if (access(path, F_OK) && errno == ENOENT)
        return error_set(err, EXIT_REFUSED, "no firmware is staged here (%s)", path);
    int rc = io_read_regular_file(path, STAGED_MAX, &s->archive, err);
    if (!rc && (staged_read_task(s) || staged_read_parts(s)))
        rc =
            error_set(err, EXIT_FAILED,
                      "the record of the staged firmware (%s) is damaged, or of another version of "
                      "fwpack; stage it again",
                      path);
    if (rc)
        staged_free(s);
    return rc;
}

void staged_free(struct staged *s)
{
    free(s->part);
    s->part = NULL;
    buffer_free(&s->archive);
}

int staged_check(const struct staged *s, struct block_cache *cache, struct error *err)
{
    char hash[HASH_TEXT_SIZE];

    for (size_t i = 0; i < s->count; i++) {
        const struct block_range *range = &s->part[i].range;
        if (staged_hash(cache, range, hash, err))
            return error_prefix(err, "cannot check the staged firmware");
        if (strcmp(hash, s->part[i].hash) != 0)
            return error_set(err, EXIT_MISMATCH,
                             "the slot has changed since the firmware was staged (in the %" PRIu64
                             " bytes from byte %" PRIu64 "); nothing was switched, stage it again",
                             range->len, range->offset);
    }
    return 0;
}
