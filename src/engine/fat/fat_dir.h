/* SPDX-License-Identifier: Apache-2.0 */
/* Directories of a FAT volume: finds, adds and removes entries. */
#ifndef FWSSH_ENGINE_FAT_FAT_DIR_H
#define FWSSH_ENGINE_FAT_FAT_DIR_H

#include "engine/fat/fat_name.h"
#include "engine/fat/fat_volume.h"

#define FAT_ENTRY_SIZE 32u
#define FAT_READ_ONLY 0x01u
#define FAT_HIDDEN 0x02u
#define FAT_SYSTEM 0x04u
#define FAT_LABEL 0x08u
#define FAT_DIRECTORY 0x10u
#define FAT_ARCHIVE 0x20u

/* Offsets of the fields of an entry. */
#define FAT_AT_ATTRIBUTES 11
#define FAT_AT_CASE 12
#define FAT_AT_CREATED 14
#define FAT_AT_ACCESSED 18
#define FAT_AT_MODIFIED 22
#define FAT_AT_SIZE 28

/* A position in a directory, for a walk through it. */
struct fat_dir {
    struct fat_volume *volume;
    uint32_t first;   /* cluster of the directory; 0: the fixed root of FAT12 and FAT16 */
    uint32_t cluster; /* of the next entry */
    uint32_t index;   /* of the next entry */
    bool loaded;
    uint32_t sector; /* of the last entry returned, which is in block */
    unsigned slot;
    uint8_t block[BLOCK_SIZE];
};

/* An entry that was found or added. */
struct fat_entry {
    struct fat_volume *volume;
    uint32_t dir;    /* first cluster of its directory */
    uint32_t index;  /* of the first raw entry that belongs to it */
    unsigned count;  /* of raw entries: parts of the long name, then raw */
    uint32_t sector; /* where raw is stored */
    unsigned slot;
    uint8_t raw[FAT_ENTRY_SIZE];
};

void fat_dir_open(struct fat_dir *d, struct fat_volume *v, uint32_t first);

/* The first cluster of the root, as fat_dir_open() takes it. */
uint32_t fat_dir_root(const struct fat_volume *v);

/* The next raw entry, even if removed: 1, 0 at the end of the directory's clusters, -1. */
int fat_dir_next(struct fat_dir *d, uint8_t raw[FAT_ENTRY_SIZE], struct error *err);

/* Finds an entry by name: 1 found, 0 not found, -1. */
int fat_dir_find(struct fat_volume *v, uint32_t dir, const struct fat_name *name,
                 struct fat_entry *entry, struct error *err);

/* Finds the entry with the volume label, in the root: 1, 0, -1. */
int fat_dir_find_label(struct fat_volume *v, struct fat_entry *entry, struct error *err);

/* Adds entry->raw (name and case bits are filled in here) under a name that must not exist yet. */
int fat_dir_add(struct fat_volume *v, uint32_t dir, const struct fat_name *name,
                struct fat_entry *entry, struct error *err);

/* Like fat_dir_add(), for an entry that has only its raw name. */
int fat_dir_add_raw(struct fat_volume *v, uint32_t dir, struct fat_entry *entry, struct error *err);

/* Writes raw back. */
int fat_dir_update(const struct fat_entry *entry, struct error *err);

/* Removes the entry; its clusters stay allocated. */
int fat_dir_remove(const struct fat_entry *entry, struct error *err);

/* 1 if it contains only . and .., 0 if it contains anything else, -1. */
int fat_dir_is_empty(struct fat_volume *v, uint32_t dir, struct error *err);

uint32_t fat_entry_cluster(const struct fat_volume *v, const uint8_t raw[FAT_ENTRY_SIZE]);
void fat_entry_set_cluster(uint8_t raw[FAT_ENTRY_SIZE], uint32_t cluster);

/* Follows a path to the directory of its last component, which is returned in name. Leading,
 * repeated and trailing slashes do not matter. */
int fat_dir_walk(struct fat_volume *v, const char *path, uint32_t *dir, struct fat_name *name,
                 struct error *err);

/* Finds the entry of a path: 1, 0 not found (or a directory on the path is missing), -1. */
int fat_dir_lookup(struct fat_volume *v, const char *path, struct fat_entry *entry,
                   struct error *err);

#endif
