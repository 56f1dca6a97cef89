/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/fat/fat_volume.h"

#include "base/bytes.h"

#include <string.h>

#define FAT_FIRST 2u
/*
 * Up to this sector a volume is its tables, which change again and again; the rest comes in order.
 */
#define FAT_STREAMED_FROM 2048u
#define FAT_UNKNOWN UINT32_MAX

int fat_error(struct error *err, const char *reason)
{
    return error_set(err, EXIT_FAILED, "FATFS: %s", reason);
}

static int fat_damaged(struct error *err)
{
    return fat_error(err, "The file system is damaged");
}

int fat_volume_read(struct fat_volume *v, uint32_t sector, void *buf, uint32_t count,
                    struct error *err)
{
    return block_cache_read(v->cache, v->offset + (uint64_t)sector * BLOCK_SIZE, buf,
                            (size_t)count * BLOCK_SIZE, err);
}

int fat_volume_write(struct fat_volume *v, uint32_t sector, const void *buf, uint32_t count,
                     struct error *err)
{
    return block_cache_write(v->cache, v->offset + (uint64_t)sector * BLOCK_SIZE, buf,
                             (size_t)count * BLOCK_SIZE, sector > FAT_STREAMED_FROM, err);
}

uint32_t fat_volume_sector(const struct fat_volume *v, uint32_t cluster)
{
    return v->data_start + (cluster - FAT_FIRST) * v->cluster_sectors;
}

static bool fat_is_cluster(const struct fat_volume *v, uint32_t cluster)
{
    return cluster >= FAT_FIRST && cluster - FAT_FIRST < v->clusters;
}

static uint64_t fat_table_bytes(const struct fat_volume *v)
{
    uint64_t entries = (uint64_t)v->clusters + FAT_FIRST;

    return v->kind == FAT12 ? (entries * 3 + 1) / 2 : entries * (v->kind == FAT16 ? 2 : 4);
}

/* Reads the FSInfo sector: 1, 0 if it is not one, -1. */
static int fat_load_info(struct fat_volume *v, uint8_t info[BLOCK_SIZE], struct error *err)
{
    if (fat_volume_read(v, FAT_INFO_SECTOR, info, 1, err))
        return -1;
    return bytes_le32(info) == FAT_INFO_LEAD &&
           bytes_le32(info + FAT_INFO_STRUCT_AT) == FAT_INFO_STRUCT;
}

/* FSInfo has only hints, so invalid values are ignored. */
static int fat_read_info(struct fat_volume *v, const uint8_t *boot, struct error *err)
{
    uint8_t info[BLOCK_SIZE];

    if (bytes_le16(boot + 48) != FAT_INFO_SECTOR)
        return 0;
    int found = fat_load_info(v, info, err);
    if (found <= 0)
        return found;
    if (bytes_le32(info + FAT_INFO_FREE_AT) <= v->clusters)
        v->free = bytes_le32(info + FAT_INFO_FREE_AT);
    if (fat_is_cluster(v, bytes_le32(info + FAT_INFO_NEXT_AT)))
        v->last = bytes_le32(info + FAT_INFO_NEXT_AT);
    return 0;
}

/* Reads the geometry from the BIOS parameter block of a boot sector; -1 if it is not one. */
static int fat_parse_boot(struct fat_volume *v, const uint8_t *b)
{
    uint32_t total = bytes_le16(b + 19) ? bytes_le16(b + 19) : bytes_le32(b + 32);
    uint32_t root_entries = bytes_le16(b + 17);
    uint64_t system;

    v->cluster_sectors = b[13];
    v->fat_start = bytes_le16(b + 14);
    v->fats = b[16];
    v->fat_sectors = bytes_le16(b + 22) ? bytes_le16(b + 22) : bytes_le32(b + 36);
    if (b[510] != 0x55 || b[511] != 0xaa || bytes_le16(b + 11) != BLOCK_SIZE || !v->fat_start ||
        !v->cluster_sectors || (v->cluster_sectors & (v->cluster_sectors - 1)) || !v->fats ||
        v->fats > 2 || root_entries % 16)
        return -1;
    v->root_sectors = root_entries / 16;
    system = v->fat_start + (uint64_t)v->fats * v->fat_sectors + v->root_sectors;
    if (system >= total)
        return -1;
    v->data_start = (uint32_t)system;
    v->root_start = v->data_start - v->root_sectors;
    v->clusters = (total - v->data_start) / v->cluster_sectors;
    v->kind = v->clusters <= FAT12_CLUSTERS_MAX   ? FAT12
              : v->clusters <= FAT16_CLUSTERS_MAX ? FAT16
                                                  : FAT32;
    if (!v->clusters || v->clusters > FAT32_CLUSTERS_MAX ||
        fat_table_bytes(v) > (uint64_t)v->fat_sectors * BLOCK_SIZE)
        return -1;
    if (v->kind != FAT32)
        return root_entries ? 0 : -1;
    v->root_cluster = bytes_le32(b + 44);
    return root_entries || bytes_le16(b + 42) || !fat_is_cluster(v, v->root_cluster) ? -1 : 0;
}

int fat_volume_mount(struct fat_volume *v, struct block_cache *cache, uint64_t offset,
                     struct error *err)
{
    uint8_t boot[BLOCK_SIZE];

    *v = (struct fat_volume){.cache = cache, .offset = offset, .free = FAT_UNKNOWN};
    if (fat_volume_read(v, 0, boot, 1, err))
        return -1;
    if (fat_parse_boot(v, boot))
        return fat_error(err, "There is no valid FAT volume");
    return v->kind == FAT32 ? fat_read_info(v, boot, err) : 0;
}

static int fat_window_flush(struct fat_volume *v, struct error *err)
{
    if (!v->window_dirty)
        return 0;
    for (uint32_t i = 0; i < v->fats; i++)
        if (fat_volume_write(v, v->fat_start + i * v->fat_sectors + v->window_sector, v->window, 1,
                             err))
            return -1;
    v->window_dirty = false;
    return 0;
}

/* The byte of the table at offset at; NULL with the error set. */
static uint8_t *fat_window(struct fat_volume *v, uint64_t at, struct error *err)
{
    uint32_t sector = (uint32_t)(at / BLOCK_SIZE);

    if (!v->window_loaded || v->window_sector != sector) {
        v->window_loaded = false;
        if (fat_window_flush(v, err) ||
            fat_volume_read(v, v->fat_start + sector, v->window, 1, err))
            return NULL;
        v->window_sector = sector;
        v->window_loaded = true;
    }
    return v->window + at % BLOCK_SIZE;
}

/* A 12-bit entry may span two sectors. */
static int fat_get12(struct fat_volume *v, uint32_t cluster, uint32_t *value, struct error *err)
{
    uint64_t at = (uint64_t)cluster * 3 / 2;
    const uint8_t *p = fat_window(v, at, err);

    if (!p)
        return -1;
    uint32_t low = *p;
    p = fat_window(v, at + 1, err);
    if (!p)
        return -1;
    uint32_t both = low | (uint32_t)*p << 8;
    *value = cluster & 1 ? both >> 4 : both & 0xfff;
    return 0;
}

static int fat_put12(struct fat_volume *v, uint32_t cluster, uint32_t value, struct error *err)
{
    uint64_t at = (uint64_t)cluster * 3 / 2;
    bool odd = cluster & 1;
    uint8_t *p = fat_window(v, at, err);

    if (!p)
        return -1;
    *p = (uint8_t)(odd ? (*p & 0x0f) | value << 4 : value);
    v->window_dirty = true;
    p = fat_window(v, at + 1, err);
    if (!p)
        return -1;
    *p = (uint8_t)(odd ? value >> 4 : (*p & 0xf0) | (value >> 8 & 0x0f));
    v->window_dirty = true;
    return 0;
}

/* The entry as it is stored; only the low 28 bits of FAT32's. */
static int fat_get_raw(struct fat_volume *v, uint32_t cluster, uint32_t *value, struct error *err)
{
    if (v->kind == FAT12)
        return fat_get12(v, cluster, value, err);
    const uint8_t *p = fat_window(v, (uint64_t)cluster * (v->kind == FAT16 ? 2 : 4), err);
    if (!p)
        return -1;
    *value = v->kind == FAT16 ? bytes_le16(p) : bytes_le32(p) & FAT_END;
    return 0;
}

int fat_volume_get(struct fat_volume *v, uint32_t cluster, uint32_t *next, struct error *err)
{
    static const uint32_t ends[] = {[FAT12] = 0xff8, [FAT16] = 0xfff8, [FAT32] = 0x0ffffff8};

    if (!fat_is_cluster(v, cluster))
        return fat_damaged(err);
    if (fat_get_raw(v, cluster, next, err))
        return -1;
    if (*next >= ends[v->kind])
        *next = FAT_END;
    return 0;
}

int fat_volume_put(struct fat_volume *v, uint32_t cluster, uint32_t value, struct error *err)
{
    if (!fat_is_cluster(v, cluster))
        return fat_damaged(err);
    if (v->kind == FAT12)
        return fat_put12(v, cluster, value & 0xfff, err);
    uint8_t *p = fat_window(v, (uint64_t)cluster * (v->kind == FAT16 ? 2 : 4), err);
    if (!p)
        return -1;
    if (v->kind == FAT16)
        bytes_put_le16(p, (uint16_t)value);
    else
        /* The upper four bits are reserved and stay as they are. */
        bytes_put_le32(p, (bytes_le32(p) & ~FAT_END) | (value & FAT_END));
    v->window_dirty = true;
    return 0;
}

static uint32_t fat_after(const struct fat_volume *v, uint32_t cluster)
{
    return fat_is_cluster(v, cluster + 1) ? cluster + 1 : FAT_FIRST;
}

/* The first free cluster after that one, wrapping around; 0 if there is none. */
static int fat_search(struct fat_volume *v, uint32_t after, uint32_t *found, struct error *err)
{
    uint32_t cluster = after, value;

    *found = 0;
    for (uint32_t n = 0; n < v->clusters; n++) {
        cluster = fat_after(v, cluster);
        if (fat_get_raw(v, cluster, &value, err))
            return -1;
        if (!value) {
            *found = cluster;
            return 0;
        }
    }
    return 0;
}

/* A file continues in the next cluster if that is free, so that it stays contiguous. */
static int fat_choose(struct fat_volume *v, uint32_t after, uint32_t *found, struct error *err)
{
    uint32_t value = 1;

    if (after) {
        *found = fat_after(v, after);
        if (fat_get_raw(v, *found, &value, err))
            return -1;
    }
    if (!value)
        return 0;
    return fat_search(v, fat_is_cluster(v, v->last) ? v->last : FAT_FIRST - 1, found, err);
}

int fat_volume_allocate(struct fat_volume *v, uint32_t after, uint32_t *cluster, struct error *err)
{
    if (fat_choose(v, after, cluster, err))
        return -1;
    v->is_full = !*cluster;
    if (v->is_full)
        return fat_error(err, "The file system is full");
    if (fat_volume_put(v, *cluster, FAT_END, err) ||
        (after && fat_volume_put(v, after, *cluster, err)))
        return -1;
    v->last = *cluster;
    v->info_changed = true;
    /* A free count of 0 although a cluster was free: the count is out of date. */
    if (v->free != FAT_UNKNOWN)
        v->free = v->free ? v->free - 1 : FAT_UNKNOWN;
    return 0;
}

int fat_volume_free(struct fat_volume *v, uint32_t first, struct error *err)
{
    uint32_t cluster = first, next;

    if (!first)
        return 0;
    /* Each step frees one, so a chain that is a loop meets a free cluster and ends. */
    while (cluster != FAT_END) {
        if (fat_volume_get(v, cluster, &next, err))
            return -1;
        if (!next)
            break;
        if (fat_volume_put(v, cluster, 0, err))
            return -1;
        if (v->free != FAT_UNKNOWN && v->free < v->clusters)
            v->free++;
        cluster = next;
    }
    v->info_changed = true;
    return 0;
}

static int fat_write_info(struct fat_volume *v, struct error *err)
{
    uint8_t info[BLOCK_SIZE];

    if (v->kind != FAT32 || !v->info_changed)
        return 0;
    int found = fat_load_info(v, info, err);
    if (found <= 0)
        return found;
    bytes_put_le32(info + FAT_INFO_FREE_AT, v->free);
    bytes_put_le32(info + FAT_INFO_NEXT_AT, v->last);
    return fat_volume_write(v, FAT_INFO_SECTOR, info, 1, err);
}

int fat_volume_sync(struct fat_volume *v, struct error *err)
{
    if (fat_window_flush(v, err) || fat_write_info(v, err))
        return -1;
    v->info_changed = false;
    return 0;
}
