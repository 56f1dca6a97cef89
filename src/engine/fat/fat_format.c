/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/fat/fat_format.h"

#include "base/bytes.h"
#include "base/memory.h"
#include "engine/fat/fat_volume.h"

#include <stdlib.h>
#include <string.h>

#define FORMAT_BLOCKS_MIN 128u
#define FORMAT_ROOT_ENTRIES 512u
#define FORMAT_ROOT_SECTORS (FORMAT_ROOT_ENTRIES / 16)
#define FORMAT_TABLES 2u
#define FORMAT_DATA_MIN 16u /* sectors */
#define FORMAT_BACKUP 6u    /* where FAT32's copies of boot sector and FSInfo start */

struct fat_layout {
    enum fat_kind kind;
    uint32_t count, reserved, table_sectors, root_sectors, clusters;
};

static bool format_fits(struct fat_layout *f, enum fat_kind kind, uint32_t n)
{
    uint64_t bytes = kind == FAT12   ? (3ull * n + 1) / 2 + 3
                     : kind == FAT16 ? 2ull * n + 4
                                     : 4ull * n + 8;

    *f = (struct fat_layout){.kind = kind, .count = n};
    f->table_sectors = (uint32_t)((bytes + BLOCK_SIZE - 1) / BLOCK_SIZE);
    f->reserved = kind == FAT32 ? 32 : 1;
    f->root_sectors = kind == FAT32 ? 0 : FORMAT_ROOT_SECTORS;
    uint64_t system = f->reserved + (uint64_t)FORMAT_TABLES * f->table_sectors + f->root_sectors;
    if (n < system + FORMAT_DATA_MIN)
        return false;
    f->clusters = n - (uint32_t)system;
    return true;
}

/* The type of a volume follows from its number of clusters, so the two have to match. */
static bool format_choose(struct fat_layout *f, uint64_t count)
{
    if (count < FORMAT_BLOCKS_MIN || count > UINT32_MAX)
        return false;
    uint32_t n = (uint32_t)count;
    if (n <= FAT12_CLUSTERS_MAX)
        return format_fits(f, FAT12, n) && f->clusters <= FAT12_CLUSTERS_MAX;
    if (!format_fits(f, FAT16, n))
        return false;
    if (f->clusters <= FAT16_CLUSTERS_MAX)
        return f->clusters > FAT12_CLUSTERS_MAX;
    return format_fits(f, FAT32, n) && f->clusters > FAT16_CLUSTERS_MAX &&
           f->clusters <= FAT32_CLUSTERS_MAX;
}

/* Drive number, signature, serial number, label and type: what follows the BIOS parameter block. */
static void format_put_tail(uint8_t *p, const struct fat_layout *f)
{
    static const char types[][9] = {
        [FAT12] = "FAT12   ", [FAT16] = "FAT16   ", [FAT32] = "FAT32   "};

    p[0] = 0x80;
    p[2] = 0x29;
    bytes_put_le32(p + 3, f->count + FAT_TIME);
    memcpy(p + 7, "NO NAME    ", 11);
    memcpy(p + 18, types[f->kind], 8);
}

static void format_boot_sector(uint8_t *b, const struct fat_layout *f)
{
    memset(b, 0, BLOCK_SIZE);
    memcpy(b, "\xeb\xfe\x90MSDOS5.0", 11);
    bytes_put_le16(b + 11, BLOCK_SIZE);
    b[13] = 1;
    bytes_put_le16(b + 14, (uint16_t)f->reserved);
    b[16] = FORMAT_TABLES;
    bytes_put_le16(b + 17, f->kind == FAT32 ? 0 : FORMAT_ROOT_ENTRIES);
    if (f->count <= UINT16_MAX)
        bytes_put_le16(b + 19, (uint16_t)f->count);
    else
        bytes_put_le32(b + 32, f->count);
    b[21] = 0xf8; /* a fixed disk */
    bytes_put_le16(b + 24, 63);
    bytes_put_le16(b + 26, 255);
    if (f->kind == FAT32) {
        bytes_put_le32(b + 36, f->table_sectors);
        bytes_put_le32(b + 44, 2); /* the root's cluster */
        bytes_put_le16(b + 48, FAT_INFO_SECTOR);
        bytes_put_le16(b + 50, FORMAT_BACKUP);
        format_put_tail(b + 64, f);
    } else {
        bytes_put_le16(b + 22, (uint16_t)f->table_sectors);
        format_put_tail(b + 36, f);
    }
    b[510] = 0x55;
    b[511] = 0xaa;
}

static void format_info_sector(uint8_t *b, const struct fat_layout *f)
{
    memset(b, 0, BLOCK_SIZE);
    bytes_put_le32(b, FAT_INFO_LEAD);
    bytes_put_le32(b + FAT_INFO_STRUCT_AT, FAT_INFO_STRUCT);
    bytes_put_le32(b + FAT_INFO_FREE_AT, f->clusters - 1);
    bytes_put_le32(b + FAT_INFO_NEXT_AT, 2);
    b[510] = 0x55;
    b[511] = 0xaa;
}

/* The entries of clusters 0 and 1, and on FAT32 that of the root. */
static void format_table_start(uint8_t *b, enum fat_kind kind)
{
    static const uint8_t start[] = {0xf8, 0xff, 0xff, 0xff};

    memset(b, 0, BLOCK_SIZE);
    if (kind != FAT32) {
        memcpy(b, start, kind == FAT12 ? 3 : 4);
        return;
    }
    bytes_put_le32(b, 0xfffffff8u);
    bytes_put_le32(b + 4, 0xffffffffu);
    bytes_put_le32(b + 8, 0x0fffffffu);
}

static int format_put(struct block_cache *cache, uint64_t offset, uint64_t sector,
                      const uint8_t *block, struct error *err)
{
    return block_cache_write(cache, offset + sector * BLOCK_SIZE, block, BLOCK_SIZE, false, err);
}

/* Writes the tables and the root: zeros, except for the first sectors of the tables. */
static int format_tables(struct block_cache *cache, uint64_t offset, const struct fat_layout *f,
                         struct error *err)
{
    uint64_t at = offset + (uint64_t)f->reserved * BLOCK_SIZE;
    uint64_t root = f->kind == FAT32 ? 1 : f->root_sectors;
    uint64_t left = (FORMAT_TABLES * (uint64_t)f->table_sectors + root) * BLOCK_SIZE;
    uint8_t *zeros = memory_new(SEGMENT_SIZE, 1);
    uint8_t block[BLOCK_SIZE];
    int rc = 0;

    while (!rc && left) {
        size_t n = left < SEGMENT_SIZE ? (size_t)left : SEGMENT_SIZE;
        rc = block_cache_write(cache, at, zeros, n, false, err);
        at += n;
        left -= n;
    }
    free(zeros);
    format_table_start(block, f->kind);
    for (uint32_t i = 0; !rc && i < FORMAT_TABLES; i++)
        rc = format_put(cache, offset, f->reserved + (uint64_t)i * f->table_sectors, block, err);
    return rc;
}

int fat_format(struct block_cache *cache, uint64_t offset, uint64_t count, struct error *err)
{
    uint8_t block[BLOCK_SIZE];
    struct fat_layout f;

    if (!format_choose(&f, count))
        return error_set(err, EXIT_FAILED,
                         "f_mkfs() aborted due to a parameter error. Try adjusting the partition "
                         "size.");
    /* The last block goes first: it extends an image, and proves that the space exists. */
    memset(block, 0xff, sizeof block);
    if (format_put(cache, offset, count - 1, block, err) || format_tables(cache, offset, &f, err))
        return -1;
    if (f.kind == FAT32) {
        format_info_sector(block, &f);
        if (format_put(cache, offset, FAT_INFO_SECTOR, block, err) ||
            format_put(cache, offset, FORMAT_BACKUP + FAT_INFO_SECTOR, block, err))
            return -1;
        format_boot_sector(block, &f);
        if (format_put(cache, offset, FORMAT_BACKUP, block, err))
            return -1;
    }
    format_boot_sector(block, &f);
    return format_put(cache, offset, 0, block, err);
}
