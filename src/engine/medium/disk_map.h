/* Which block device is where, from sysfs and the list of mounts. */
#ifndef FWSSH_ENGINE_MEDIUM_DISK_MAP_H
#define FWSSH_ENGINE_MEDIUM_DISK_MAP_H

#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Where to look; tests look elsewhere. */
struct disk_map {
    const char *sys_dev_block; /* "/sys/dev/block" */
    const char *mountinfo;     /* "/proc/self/mountinfo" */
};

extern const struct disk_map disk_map_system;

/* Whether a device is that one, or is made from it (encrypted, mapped), up to three levels deep. */
bool disk_map_is_made_from(const struct disk_map *map, dev_t device, dev_t from);

/* A number that sysfs tells of a device, such as "/size" (blocks of 512 bytes); -1 if it does not.
 */
int disk_map_number(const struct disk_map *map, dev_t device, const char *file, uint64_t *value);

/* Whether a device is that disk, part of it, or made from it. */
bool disk_map_is_on(const struct disk_map *map, dev_t device, dev_t disk);

/* The first block of a partition on its disk; -1 if it is none. */
int disk_map_start(const struct disk_map *map, dev_t partition, uint64_t *block);

/*
 * Whether something is mounted from that byte range of a disk (or partition). where, of that size,
 * gets the place where it is mounted. -1 with the error set if the mounts cannot be read.
 */
int disk_map_find_mount(const struct disk_map *map, dev_t disk, uint64_t offset, uint64_t len,
                        char *where, size_t where_size, struct error *err);

#endif
