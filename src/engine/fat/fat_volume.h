/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A FAT12, FAT16 or FAT32 file system on the medium: its geometry and its allocation table
 * (Microsoft's "FAT: General Overview of On-Disk Format", 1.03; docs/fw-format.md, "FAT"). Sectors
 * have 512 bytes. All access goes through the block cache; nothing on a volume is trusted.
 */
#ifndef FWSSH_ENGINE_FAT_FAT_VOLUME_H
#define FWSSH_ENGINE_FAT_FAT_VOLUME_H

#include "engine/medium/block_cache.h"

enum fat_kind { FAT12, FAT16, FAT32 };

/* The number of clusters alone determines the type. */
#define FAT12_CLUSTERS_MAX 4085u
#define FAT16_CLUSTERS_MAX 65525u
#define FAT32_CLUSTERS_MAX 0x0ffffff5u

/* FAT32's FSInfo sector. */
#define FAT_INFO_SECTOR 1u
#define FAT_INFO_LEAD 0x41615252u
#define FAT_INFO_STRUCT 0x61417272u
#define FAT_INFO_STRUCT_AT 484
#define FAT_INFO_FREE_AT 488
#define FAT_INFO_NEXT_AT 492

/* 1980-01-01 00:00:00 as date and time: images must be reproducible. */
#define FAT_TIME 0x00210000u

/* What fat_volume_get() returns at the end of a chain. */
#define FAT_END 0x0fffffffu

struct fat_volume {
    struct block_cache *cache;
    uint64_t offset; /* bytes, of the volume on the medium */
    enum fat_kind kind;
    uint32_t cluster_sectors;
    uint32_t fat_start, fat_sectors, fats;
    uint32_t root_start, root_sectors; /* the fixed root of FAT12 and FAT16 */
    uint32_t root_cluster;             /* FAT32, else 0 */
    uint32_t data_start;
    uint32_t clusters; /* numbered from 2 */
    uint32_t last; /* the last cluster allocated: the search for a free one continues after it */
    uint32_t free; /* clusters, according to FAT32's FSInfo; UINT32_MAX if unknown */
    bool info_changed;
    bool is_full; /* the last allocation found no free cluster */
    /* One cached sector of the table. */
    uint32_t window_sector;
    bool window_loaded, window_dirty;
    uint8_t window[BLOCK_SIZE];
};

/* Reads the boot sector at a byte offset. Anything but a FAT file system is an error. */
int fat_volume_mount(struct fat_volume *v, struct block_cache *cache, uint64_t offset,
                     struct error *err);

/* Writes the cached part of the table, and FSInfo, to the block cache. */
int fat_volume_sync(struct fat_volume *v, struct error *err);

/* The table entry of a cluster: 0 if free, FAT_END, or the next cluster. An invalid cluster number
 * is an error. */
int fat_volume_get(struct fat_volume *v, uint32_t cluster, uint32_t *next, struct error *err);
int fat_volume_put(struct fat_volume *v, uint32_t cluster, uint32_t value, struct error *err);

/* Allocates a cluster at the end of a chain, after cluster after; 0 starts a new chain. */
int fat_volume_allocate(struct fat_volume *v, uint32_t after, uint32_t *cluster, struct error *err);

/* Frees a chain. Where the next allocation starts stays as it is. */
int fat_volume_free(struct fat_volume *v, uint32_t first, struct error *err);

int fat_volume_read(struct fat_volume *v, uint32_t sector, void *buf, uint32_t count,
                    struct error *err);
int fat_volume_write(struct fat_volume *v, uint32_t sector, const void *buf, uint32_t count,
                     struct error *err);

/* The first sector of a cluster. */
uint32_t fat_volume_sector(const struct fat_volume *v, uint32_t cluster);

/* Sets the error to "FATFS: reason"; returns -1. */
int fat_error(struct error *err, const char *reason);

#endif
