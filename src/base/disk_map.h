/* SPDX-License-Identifier: Apache-2.0 */
/* How block devices are stacked, from sysfs and the mount table. */
#ifndef FWSSH_BASE_DISK_MAP_H
#define FWSSH_BASE_DISK_MAP_H

#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Room for the name of a mount point, which is cut there. */
#define DISK_MAP_POINT_MAX 256

/* Where to look; tests use other paths. */
struct disk_map {
    const char *sys_dev_block; /* "/sys/dev/block" */
    const char *mountinfo;     /* "/proc/self/mountinfo" */
    const char *cmdline;       /* "/proc/cmdline" */
};

extern const struct disk_map disk_map_system;

/* Whether device is the same as from, or is built on it (encrypted, mapped), up to eight levels
 * deep. */
bool disk_map_is_made_from(const struct disk_map *map, dev_t device, dev_t from);

/* A numeric sysfs attribute of a device, such as "/size" (blocks of 512 bytes); -1 if there is
 * none. */
int disk_map_number(const struct disk_map *map, dev_t device, const char *file, uint64_t *value);

/* The disk that a partition belongs to; a device that is none is its own. */
dev_t disk_map_whole_disk(const struct disk_map *map, dev_t device);

/* Whether device is that disk, a part of it, or built on it. */
bool disk_map_is_on(const struct disk_map *map, dev_t device, dev_t disk);

/* The first block of a partition on its disk; -1 if it is not a partition. */
int disk_map_start(const struct disk_map *map, dev_t partition, uint64_t *block);

/* A range of a disk (or partition), in bytes. */
struct disk_extent {
    dev_t disk;
    uint64_t offset, len;
};

/* Whether anything in that range is mounted, at the mount point only (NULL: anywhere): 1 with the
 * mount point in where, 0, or -1 with the error set if the mount table cannot be read. */
int disk_map_find_mount(const struct disk_map *map, const struct disk_extent *extent,
                        const char *only, char where[DISK_MAP_POINT_MAX], struct error *err);

/* The block device that "/" was mounted from last, or that the kernel's command line names (root=)
 * if that is an overlay or btrfs; -1 if there is none (memory, the network, UBI) or the mount table
 * cannot be read. */
int disk_map_root(const struct disk_map *map, dev_t *device);

/* The partition that a device is, or is built on, on that disk: its number (from 1) and its first
 * block. -1 if there is none. */
struct disk_partition {
    uint64_t number, start;
    dev_t device;
};
int disk_map_partition(const struct disk_map *map, dev_t device, dev_t disk,
                       struct disk_partition *found);

/* Calls visit for each partition of a disk that the kernel knows, until it returns true. */
bool disk_map_any_partition(const struct disk_map *map, dev_t disk,
                            bool (*visit)(const struct disk_partition *, void *), void *data);

/* What a device's uevent says of it, such as DEVNAME or PARTNAME; NULL if it says nothing. The
 * caller frees it. */
char *disk_map_uevent(const struct disk_map *map, dev_t device, const char *name);

/* The node of a device; NULL if its name is not known. The caller frees it. */
char *disk_map_node(const struct disk_map *map, dev_t device);

/* Opens a node; -1 with errno if it is not this device. */
int disk_map_open_node(const char *path, dev_t device, int flags);

/* Opens the node of a device; -1 with errno if there is none, or it is another device. */
int disk_map_open(const struct disk_map *map, dev_t device, int flags);

/* A path without links, as a path in the file system of a device that is mounted there; NULL if the
 * mount table does not say so. The caller frees it. */
char *disk_map_path_inside(const struct disk_map *map, dev_t device, const char *path);

#endif
