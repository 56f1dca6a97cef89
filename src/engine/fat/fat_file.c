/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/fat/fat_file.h"

#include "base/bytes.h"
#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

#define FILE_PIECE 65536u
#define FILE_EXTENTS_MAX 262144u /* 6 MiB of memory */

/* Adds an entry for a name that does not exist yet. */
static int fat_file_add(struct fat_volume *v, uint32_t dir, const struct fat_name *name,
                        struct fat_entry *entry, struct error *err)
{
    *entry = (struct fat_entry){0};
    entry->raw[FAT_AT_ATTRIBUTES] = FAT_ARCHIVE;
    bytes_put_le32(entry->raw + FAT_AT_CREATED, FAT_TIME);
    bytes_put_le32(entry->raw + FAT_AT_MODIFIED, FAT_TIME);
    return fat_dir_add(v, dir, name, entry, err);
}

/* The file is empty on the medium, too, until it is complete. */
static int fat_file_truncate(struct fat_volume *v, struct fat_entry *entry, struct error *err)
{
    uint32_t cluster = fat_entry_cluster(v, entry->raw);

    if (entry->raw[FAT_AT_ATTRIBUTES] & (FAT_DIRECTORY | FAT_READ_ONLY))
        return fat_error(err, entry->raw[FAT_AT_ATTRIBUTES] & FAT_DIRECTORY
                                  ? "It is a directory"
                                  : "The file is read-only");
    entry->raw[FAT_AT_ATTRIBUTES] = FAT_ARCHIVE;
    bytes_put_le32(entry->raw + FAT_AT_CREATED, FAT_TIME);
    bytes_put_le32(entry->raw + FAT_AT_MODIFIED, FAT_TIME);
    bytes_put_le32(entry->raw + FAT_AT_SIZE, 0);
    fat_entry_set_cluster(entry->raw, 0);
    if (fat_dir_update(entry, err) || fat_volume_free(v, cluster, err))
        return -1;
    if (cluster)
        v->last = cluster - 1;
    /* The new data goes to the old clusters, where it must not be readable as the old file. */
    return cluster && (fat_volume_sync(v, err) || block_cache_barrier(v->cache, err)) ? -1 : 0;
}

int fat_file_create(struct fat_file *f, struct fat_volume *v, const char *path, struct error *err)
{
    struct fat_name name;
    uint32_t dir;

    *f = (struct fat_file){.volume = v};
    if (fat_dir_walk(v, path, &dir, &name, err))
        return -1;
    int found = fat_dir_find(v, dir, &name, &f->entry, err);
    if (found < 0)
        return -1;
    return found ? fat_file_truncate(v, &f->entry, err)
                 : fat_file_add(v, dir, &name, &f->entry, err);
}

int fat_file_touch(struct fat_volume *v, const char *path, struct error *err)
{
    struct fat_entry entry;
    struct fat_name name;
    uint32_t dir;

    if (fat_dir_walk(v, path, &dir, &name, err))
        return -1;
    int found = fat_dir_find(v, dir, &name, &entry, err);
    if (found)
        return found < 0 ? -1 : 0;
    return fat_file_add(v, dir, &name, &entry, err);
}

/* The next sector of the file, in a new cluster if the current one is used up. */
static int fat_file_next_sector(struct fat_file *f, uint32_t *sector, struct error *err)
{
    struct fat_volume *v = f->volume;

    if (!f->cluster || f->sectors == v->cluster_sectors) {
        if (fat_volume_allocate(v, f->cluster, &f->cluster, err))
            return -1;
        f->sectors = 0;
        if (!f->first)
            f->first = f->cluster;
    }
    *sector = fat_volume_sector(v, f->cluster) + f->sectors++;
    return 0;
}

static int fat_file_put_run(struct fat_file *f, uint32_t start, const uint8_t *data, uint32_t run,
                            struct error *err)
{
    if (run && fat_volume_write(f->volume, start, data, run, err))
        return -1;
    f->stored += (uint64_t)run * BLOCK_SIZE;
    return 0;
}

/* Adjacent sectors are written together, even those that still had room when the volume became
 * full. */
static int fat_file_put(struct fat_file *f, const uint8_t *data, size_t sectors, struct error *err)
{
    uint32_t start = 0, run = 0, sector;
    struct error writing;
    int rc = 0;

    for (size_t i = 0; !rc && i < sectors; i++) {
        rc = fat_file_next_sector(f, &sector, err);
        if (rc || (run && sector == start + run)) {
            run += !rc;
            continue;
        }
        if (fat_file_put_run(f, start, data, run, err))
            return -1;
        data += (size_t)run * BLOCK_SIZE;
        start = sector;
        run = 1;
    }
    if (!fat_file_put_run(f, start, data, run, &writing))
        return rc;
    *err = writing;
    return -1;
}

int fat_file_write(struct fat_file *f, const void *data, size_t len, struct error *err)
{
    const uint8_t *in = data;

    if (len > UINT32_MAX - f->size)
        return fat_error(err, "A file can have at most 4 GiB less one byte");
    f->size += len;
    if (f->held) {
        size_t n = BLOCK_SIZE - f->held < len ? BLOCK_SIZE - f->held : len;
        memcpy(f->tail + f->held, in, n);
        f->held += n;
        in += n;
        len -= n;
        if (f->held < BLOCK_SIZE)
            return 0;
        f->held = 0;
        if (fat_file_put(f, f->tail, 1, err))
            return -1;
    }
    if (fat_file_put(f, in, len / BLOCK_SIZE, err))
        return -1;
    f->held = len % BLOCK_SIZE;
    memcpy(f->tail, in + (len - f->held), f->held);
    return 0;
}

int fat_file_finish(struct fat_file *f, struct error *err)
{
    if (f->held) {
        memset(f->tail + f->held, 0, BLOCK_SIZE - f->held);
        if (fat_file_put(f, f->tail, 1, err))
            return -1;
    }
    f->entry.raw[FAT_AT_ATTRIBUTES] |= FAT_ARCHIVE;
    bytes_put_le32(f->entry.raw + FAT_AT_MODIFIED, FAT_TIME);
    bytes_put_le16(f->entry.raw + FAT_AT_ACCESSED, 0);
    bytes_put_le32(f->entry.raw + FAT_AT_SIZE, (uint32_t)f->size);
    fat_entry_set_cluster(f->entry.raw, f->first);
    /* The table goes first: the entry is what makes the file visible. */
    return fat_volume_sync(f->volume, err) || fat_dir_update(&f->entry, err) ? -1 : 0;
}

static int fat_extent_add(struct fat_extent **extents, size_t *count, uint64_t offset, uint64_t len,
                          struct error *err)
{
    struct fat_extent *last = *count ? &(*extents)[*count - 1] : NULL;

    if (last && last->offset + last->len == offset) {
        last->len += len;
        return 0;
    }
    if (*count == FILE_EXTENTS_MAX)
        return fat_error(err, "The file is in too many pieces");
    if (*count == 0 || (*count >= 16 && (*count & (*count - 1)) == 0))
        *extents = memory_resize(*extents, (*count ? 2 * *count : 16) * sizeof **extents);
    last = *count ? &(*extents)[*count - 1] : NULL;
    (*extents)[(*count)++] =
        (struct fat_extent){.at = last ? last->at + last->len : 0, .offset = offset, .len = len};
    return 0;
}

int fat_file_extents(struct fat_volume *v, const char *path, struct fat_extent **extents,
                     size_t *count, struct error *err)
{
    uint64_t cluster_size = (uint64_t)v->cluster_sectors * BLOCK_SIZE;
    struct fat_entry entry;

    *extents = NULL;
    *count = 0;
    int found = fat_dir_lookup(v, path, &entry, err);
    if (found <= 0)
        return found < 0 ? -1 : fat_error(err, "Could not find the file");
    if (entry.raw[FAT_AT_ATTRIBUTES] & FAT_DIRECTORY)
        return fat_error(err, "It is a directory");
    uint64_t left = bytes_le32(entry.raw + FAT_AT_SIZE);
    uint32_t cluster = fat_entry_cluster(v, entry.raw), next;
    if (left > v->clusters * cluster_size)
        return fat_error(err, "The file system is damaged");
    while (left) {
        uint64_t n = left < cluster_size ? left : cluster_size;
        if (fat_volume_get(v, cluster, &next, err) ||
            fat_extent_add(extents, count,
                           v->offset + (uint64_t)fat_volume_sector(v, cluster) * BLOCK_SIZE, n,
                           err)) {
            free(*extents);
            *extents = NULL;
            return -1;
        }
        left -= n;
        cluster = next;
    }
    return 0;
}

int fat_file_read(struct fat_volume *v, const char *path,
                  int (*take)(void *data, const uint8_t *bytes, size_t len, struct error *err),
                  void *data, struct error *err)
{
    uint8_t *piece = memory_new(FILE_PIECE, 1);
    struct fat_extent *extents;
    size_t count;
    int rc = fat_file_extents(v, path, &extents, &count, err);

    for (size_t i = 0; !rc && i < count; i++) {
        uint64_t at = extents[i].offset, left = extents[i].len;
        while (!rc && left) {
            size_t n = left < FILE_PIECE ? (size_t)left : FILE_PIECE;
            rc = block_cache_read(v->cache, at, piece, n, err) ? -1 : take(data, piece, n, err);
            at += n;
            left -= n;
        }
    }
    free(extents);
    free(piece);
    return rc;
}
