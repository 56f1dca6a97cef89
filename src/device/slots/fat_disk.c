/* SPDX-License-Identifier: Apache-2.0 */
#include "device/slots/fat_disk.h"

#include "base/bytes.h"
#include "base/io.h"
#include "base/memory.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#define FAT_BOOT_SIZE 512
#define FAT_SECTOR_MAX 4096u
#define FAT_ENTRY 32u
#define FAT_FIRST 2u
#define FAT12_CLUSTERS 4084u
#define FAT16_CLUSTERS 65524u
#define FAT_DIRECTORY_MAX (65536u * FAT_ENTRY)
#define FAT_PIECE 65536u

/* Of an entry. */
enum {
    FAT_AT_ATTRIBUTES = 11,
    FAT_AT_CASE = 12,
    FAT_AT_CHECKSUM = 13, /* in a part of a long name */
    FAT_AT_HIGH = 20,
    FAT_AT_LOW = 26,
    FAT_AT_SIZE = 28,
};
#define FAT_VOLUME_LABEL 0x08
#define FAT_IS_DIRECTORY 0x10
#define FAT_LONG_NAME 0x0f
#define FAT_LONG_LAST 0x40
#define FAT_LONG_CHARS 13
#define FAT_LOWER_BODY 0x08
#define FAT_LOWER_EXTENSION 0x10
#define FAT_BODY 8
#define FAT_SHORT 11
#define FAT_REMOVED 0xe5
#define FAT_FIRST_IS_E5 0x05

static int fat_disk_damaged(struct error *err)
{
    return error_set(err, EXIT_FAILED, "the FAT file system is damaged");
}

/* The aligned range around some bytes, read from the disk. NULL with the error set; else the caller
 * frees it, and *skip is where the bytes begin. */
static uint8_t *fat_disk_load(const struct fat_disk *f, uint64_t at, size_t len, size_t *skip,
                              struct error *err)
{
    uint64_t start = (f->offset + at) / f->align * f->align;
    void *block = NULL;

    *skip = (size_t)(f->offset + at - start);
    size_t room = (*skip + len + f->align - 1) / f->align * f->align;
    if (posix_memalign(&block, f->align, room))
        memory_checked(NULL);
    ssize_t n = pread(f->fd, block, room, (off_t)start);
    if (n >= (ssize_t)(*skip + len))
        return block;
    if (n < 0)
        error_errno(err, "cannot read the disk");
    else
        fat_disk_damaged(err); /* it is longer than the disk */
    free(block);
    return NULL;
}

static int fat_disk_get(const struct fat_disk *f, uint64_t at, void *out, size_t len,
                        struct error *err)
{
    size_t skip;
    uint8_t *block = fat_disk_load(f, at, len, &skip, err);

    if (block)
        memcpy(out, block + skip, len);
    free(block);
    return block ? 0 : -1;
}

static int fat_disk_put(const struct fat_disk *f, uint64_t at, const void *bytes, size_t len,
                        struct error *err)
{
    size_t skip;
    uint8_t *block = fat_disk_load(f, at, len, &skip, err);
    int rc = -1;

    if (!block)
        return -1;
    memcpy(block + skip, bytes, len);
    size_t room = (skip + len + f->align - 1) / f->align * f->align;
    if (io_pwrite_all(f->fd, block, room, f->offset + at - skip))
        error_errno(err, "cannot write the disk");
    else
        rc = 0;
    free(block);
    return rc;
}

/* The geometry, from the BIOS parameter block. */
static int fat_disk_parse(struct fat_disk *f, const uint8_t *b)
{
    uint64_t sector = bytes_le16(b + 11);
    uint64_t total = bytes_le16(b + 19) ? bytes_le16(b + 19) : bytes_le32(b + 32);
    uint64_t table = bytes_le16(b + 22) ? bytes_le16(b + 22) : bytes_le32(b + 36);

    if (b[510] != 0x55 || b[511] != 0xaa || sector < FAT_BOOT_SIZE || sector > FAT_SECTOR_MAX ||
        sector & (sector - 1) || !b[13] || b[13] & (b[13] - 1) || !bytes_le16(b + 14) || !b[16])
        return -1;
    f->cluster = (uint32_t)(b[13] * sector);
    f->table = bytes_le16(b + 14) * sector;
    f->table_len = table * sector;
    f->root = f->table + b[16] * f->table_len;
    f->root_len = (size_t)bytes_le16(b + 17) * FAT_ENTRY;
    f->data = (f->root + f->root_len + sector - 1) / sector * sector;
    uint64_t clusters = total * sector <= f->data ? 0 : (total * sector - f->data) / f->cluster;
    f->bits = clusters <= FAT12_CLUSTERS ? 12 : clusters <= FAT16_CLUSTERS ? 16 : 32;
    f->root_cluster = f->bits == 32 ? bytes_le32(b + 44) : 0;
    f->clusters = (uint32_t)clusters;
    return clusters && (clusters + FAT_FIRST) * f->bits <= f->table_len * 8 ? 0 : -1;
}

int fat_disk_open(struct fat_disk *f, int fd, uint64_t offset, size_t align, struct error *err)
{
    uint8_t boot[FAT_BOOT_SIZE];

    *f = (struct fat_disk){.fd = fd, .offset = offset, .align = align};
    if (fat_disk_get(f, 0, boot, sizeof boot, err))
        return -1;
    return fat_disk_parse(f, boot)
               ? error_set(err, EXIT_FAILED, "there is no FAT file system on the disk")
               : 0;
}

static bool fat_disk_is_cluster(const struct fat_disk *f, uint32_t cluster)
{
    return cluster >= FAT_FIRST && cluster - FAT_FIRST < f->clusters;
}

/* What comes after a cluster; 0 at the end. */
static int fat_disk_next(const struct fat_disk *f, uint32_t *cluster, struct error *err)
{
    uint64_t bit = (uint64_t)*cluster * f->bits;
    uint8_t raw[4] = {0};

    if (fat_disk_get(f, f->table + bit / 8, raw, f->bits == 32 ? 4 : 2, err))
        return -1;
    uint32_t value = bytes_le32(raw) >> bit % 8 & (f->bits == 32 ? 0x0fffffffu : 0xffffu);
    if (f->bits == 12)
        value &= 0xfff;
    uint32_t end = f->bits == 32 ? 0x0ffffff8u : f->bits == 16 ? 0xfff8u : 0xff8u;
    *cluster = value >= end ? 0 : value;
    return 0;
}

static uint64_t fat_disk_place(const struct fat_disk *f, uint32_t cluster)
{
    return f->data + (uint64_t)(cluster - FAT_FIRST) * f->cluster;
}

/* A piece of a chain of clusters. */
struct fat_disk_piece {
    uint64_t at;
    size_t done, len; /* in bytes: before it, and its own */
};

typedef int fat_disk_take(const struct fat_disk *f, const struct fat_disk_piece *piece, void *data,
                          struct error *err);

/* Calls take for each piece of the first max bytes of a chain, until it returns other than 0. */
static int fat_disk_follow(const struct fat_disk *f, uint32_t cluster, size_t max,
                           fat_disk_take *take, void *data, struct error *err)
{
    struct fat_disk_piece piece = {0};

    for (int rc; cluster && piece.done < max; piece.done += piece.len) {
        if (!fat_disk_is_cluster(f, cluster))
            return fat_disk_damaged(err);
        piece.at = fat_disk_place(f, cluster);
        piece.len = max - piece.done < f->cluster ? max - piece.done : f->cluster;
        if ((rc = take(f, &piece, data, err)) || fat_disk_next(f, &cluster, err))
            return rc ? rc : -1;
    }
    return 0;
}

static int fat_disk_take_bytes(const struct fat_disk *f, const struct fat_disk_piece *piece,
                               void *data, struct error *err)
{
    uint8_t *bytes = memory_new(1, piece->len);
    int rc = fat_disk_get(f, piece->at, bytes, piece->len, err);

    if (!rc)
        buffer_add(data, bytes, piece->len);
    free(bytes);
    return rc;
}

int fat_disk_read(const struct fat_disk *f, const struct fat_disk_entry *file, size_t max,
                  struct buffer *out, struct error *err)
{
    size_t before = out->len;

    if (file->is_directory || file->size > max)
        return error_set(err, EXIT_FAILED, "%s is no file of at most %zu bytes", file->name, max);
    if (fat_disk_follow(f, file->first, file->size, fat_disk_take_bytes, out, err))
        return -1;
    return out->len - before == file->size ? 0 : fat_disk_damaged(err);
}

static int fat_disk_put_bytes(const struct fat_disk *f, const struct fat_disk_piece *piece,
                              void *data, struct error *err)
{
    return fat_disk_put(f, piece->at, (const char *)data + piece->done, piece->len, err);
}

int fat_disk_overwrite(const struct fat_disk *f, const struct fat_disk_entry *file,
                       const void *bytes, struct error *err)
{
    struct buffer old = {0};
    /* All of its chain first. */
    int rc = fat_disk_read(f, file, file->size, &old, err);

    buffer_free(&old);
    if (rc || fat_disk_follow(f, file->first, file->size, fat_disk_put_bytes, (void *)bytes, err))
        return -1;
    return fsync(f->fd) ? error_errno(err, "cannot flush the disk") : 0;
}

/* The same for all entries of a directory. */
static int fat_disk_follow_directory(const struct fat_disk *f,
                                     const struct fat_disk_entry *directory, fat_disk_take *take,
                                     void *data, struct error *err)
{
    struct fat_disk_piece root = {.at = f->root, .len = f->root_len};

    if (!directory->first && f->root_len)
        return take(f, &root, data, err);
    return fat_disk_follow(f, directory->first ? directory->first : f->root_cluster,
                           FAT_DIRECTORY_MAX, take, data, err);
}

/* A long name that is being put together: its parts come before the entry, the last one first. */
struct fat_disk_long {
    char name[FAT_DISK_NAME_MAX + FAT_LONG_CHARS];
    unsigned left; /* parts that are missing; 0 if it is complete */
    bool begun;
    uint8_t checksum;
};

static void fat_disk_add_part(struct fat_disk_long *l, const uint8_t *raw)
{
    static const uint8_t places[FAT_LONG_CHARS] = {1, 3, 5, 7, 9, 14, 16, 18, 20, 22, 24, 28, 30};
    unsigned part = raw[0] & 0x3f;

    if (raw[0] & FAT_LONG_LAST)
        *l = (struct fat_disk_long){.left = part, .begun = true, .checksum = raw[FAT_AT_CHECKSUM]};
    if (!l->begun || !part || part != l->left || part * FAT_LONG_CHARS >= sizeof l->name ||
        l->checksum != raw[FAT_AT_CHECKSUM]) {
        l->begun = false;
        return;
    }
    l->left--;
    for (unsigned i = 0; i < FAT_LONG_CHARS; i++) {
        uint16_t c = bytes_le16(raw + places[i]);
        l->name[l->left * FAT_LONG_CHARS + i] = (char)(c < 0x80 ? c : c == 0xffff ? 0 : '?');
    }
}

static uint8_t fat_disk_checksum(const uint8_t *raw)
{
    uint8_t sum = 0;

    for (int i = 0; i < FAT_SHORT; i++)
        sum = (uint8_t)((sum >> 1 | sum << 7) + raw[i]);
    return sum;
}

static char fat_disk_short_char(const uint8_t *raw, int i, bool lower)
{
    uint8_t c = !i && raw[0] == FAT_FIRST_IS_E5 ? FAT_REMOVED : raw[i];

    if (c >= 'A' && c <= 'Z' && lower)
        return (char)(c + 'a' - 'A');
    return (char)(c > ' ' && c < 0x7f ? c : '?');
}

static void fat_disk_short_name(const uint8_t *raw, char *name)
{
    int body = FAT_BODY, end = FAT_SHORT;

    while (body && raw[body - 1] == ' ')
        body--;
    while (end > FAT_BODY && raw[end - 1] == ' ')
        end--;
    for (int i = 0; i < body; i++)
        *name++ = fat_disk_short_char(raw, i, raw[FAT_AT_CASE] & FAT_LOWER_BODY);
    if (end > FAT_BODY)
        *name++ = '.';
    for (int i = FAT_BODY; i < end; i++)
        *name++ = fat_disk_short_char(raw, i, raw[FAT_AT_CASE] & FAT_LOWER_EXTENSION);
    *name = '\0';
}

static void fat_disk_describe(const struct fat_disk *f, const uint8_t *raw,
                              const struct fat_disk_long *l, struct fat_disk_entry *entry)
{
    bool is_long = l->begun && !l->left && l->checksum == fat_disk_checksum(raw);

    *entry = (struct fat_disk_entry){
        .first = bytes_le16(raw + FAT_AT_LOW) |
                 (f->bits == 32 ? (uint32_t)bytes_le16(raw + FAT_AT_HIGH) << 16 : 0),
        .size = bytes_le32(raw + FAT_AT_SIZE),
        .is_directory = raw[FAT_AT_ATTRIBUTES] & FAT_IS_DIRECTORY,
    };
    if (is_long)
        memcpy(entry->name, l->name, sizeof entry->name - 1);
    else
        fat_disk_short_name(raw, entry->name);
}

int fat_disk_each(const struct fat_disk *f, const struct fat_disk_entry *directory,
                  bool (*visit)(const struct fat_disk_entry *, void *), void *data,
                  struct error *err)
{
    struct fat_disk_long l = {0};
    struct fat_disk_entry entry;
    struct buffer raw = {0};
    int rc = fat_disk_follow_directory(f, directory, fat_disk_take_bytes, &raw, err);

    for (size_t at = 0; !rc && at + FAT_ENTRY <= raw.len && raw.data[at]; at += FAT_ENTRY) {
        const uint8_t *e = (const uint8_t *)raw.data + at;
        if (e[0] != FAT_REMOVED && e[FAT_AT_ATTRIBUTES] == FAT_LONG_NAME) {
            fat_disk_add_part(&l, e);
            continue;
        }
        if (e[0] != FAT_REMOVED && !(e[FAT_AT_ATTRIBUTES] & FAT_VOLUME_LABEL) && e[0] != '.') {
            fat_disk_describe(f, e, &l, &entry);
            rc = visit(&entry, data);
        }
        l.begun = false;
    }
    buffer_free(&raw);
    return rc;
}

struct fat_disk_search {
    const char *name;
    size_t len;
    struct fat_disk_entry *found;
};

static bool fat_disk_has_name(const struct fat_disk_entry *entry, void *data)
{
    const struct fat_disk_search *search = data;
    bool same =
        strlen(entry->name) == search->len && !strncasecmp(entry->name, search->name, search->len);

    if (same)
        *search->found = *entry;
    return same;
}

int fat_disk_find(const struct fat_disk *f, const char *path, struct fat_disk_entry *entry,
                  struct error *err)
{
    *entry = (struct fat_disk_entry){.is_directory = true};
    for (path += strspn(path, "/"); *path; path += strspn(path, "/")) {
        struct fat_disk_entry directory = *entry;
        struct fat_disk_search search = {path, strcspn(path, "/"), entry};
        if (!directory.is_directory)
            return 0;
        int rc = fat_disk_each(f, &directory, fat_disk_has_name, &search, err);
        if (rc <= 0)
            return rc;
        path += search.len;
    }
    return 1;
}

/* 1 if both are the same, 0, or -1 with the error set. */
static int fat_disk_compare(const struct fat_disk *f, uint64_t at, size_t len, int node,
                            struct error *err)
{
    uint8_t *ours = memory_new(2, len), *theirs = ours + len;
    int rc = fat_disk_get(f, at, ours, len, err);

    if (!rc)
        rc = pread(node, theirs, len, (off_t)at) == (ssize_t)len
                 ? !memcmp(ours, theirs, len)
                 : error_errno(err, "cannot read the partition");
    free(ours);
    return rc;
}

/* Stops at a difference, with 1. */
static int fat_disk_take_view(const struct fat_disk *f, const struct fat_disk_piece *piece,
                              void *data, struct error *err)
{
    const int *node = data;
    int same = fat_disk_compare(f, piece->at, piece->len, *node, err);

    return same < 0 ? -1 : !same;
}

int fat_disk_is_seen_by(const struct fat_disk *f, const struct fat_disk_entry *directory, int node,
                        struct error *err)
{
    int differs = 0;

    for (uint64_t done = 0; !differs && done < f->table_len; done += FAT_PIECE) {
        uint64_t left = f->table_len - done;
        struct fat_disk_piece piece = {.at = f->table + done,
                                       .len = left < FAT_PIECE ? (size_t)left : FAT_PIECE};
        differs = fat_disk_take_view(f, &piece, &node, err);
    }
    if (!differs)
        differs = fat_disk_follow_directory(f, directory, fat_disk_take_view, &node, err);
    return differs < 0 ? -1 : !differs;
}
