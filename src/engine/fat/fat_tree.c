/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/fat/fat_tree.h"

#include "base/bytes.h"
#include "engine/fat/fat_codepage.h"

#include <string.h>

/* The cluster number in "..": 0 means the root, even on FAT32. */
static uint32_t fat_tree_parent_number(const struct fat_volume *v, uint32_t dir)
{
    return dir == fat_dir_root(v) ? 0 : dir;
}

static void fat_tree_dot(uint8_t *raw, const char *name, uint32_t cluster)
{
    memset(raw, ' ', FAT_SHORT_SIZE);
    memcpy(raw, name, strlen(name));
    raw[FAT_AT_ATTRIBUTES] = FAT_DIRECTORY;
    bytes_put_le32(raw + FAT_AT_MODIFIED, FAT_TIME);
    fat_entry_set_cluster(raw, cluster);
}

/* Writes the first cluster of an empty directory. */
static int fat_tree_fill(struct fat_volume *v, uint32_t cluster, uint32_t parent, struct error *err)
{
    uint8_t block[BLOCK_SIZE] = {0};

    for (uint32_t i = v->cluster_sectors; i-- > 1;)
        if (fat_volume_write(v, fat_volume_sector(v, cluster) + i, block, 1, err))
            return -1;
    fat_tree_dot(block, ".", cluster);
    fat_tree_dot(block + FAT_ENTRY_SIZE, "..", fat_tree_parent_number(v, parent));
    return fat_volume_write(v, fat_volume_sector(v, cluster), block, 1, err);
}

int fat_tree_mkdir(struct fat_volume *v, const char *path, struct error *err)
{
    struct fat_entry entry = {0};
    struct fat_name name;
    uint32_t dir, cluster;

    if (!path[strspn(path, "/")])
        return 0; /* the root */
    if (fat_dir_walk(v, path, &dir, &name, err))
        return -1;
    int found = fat_dir_find(v, dir, &name, &entry, err);
    if (found < 0)
        return -1;
    if (found)
        return entry.raw[FAT_AT_ATTRIBUTES] & FAT_DIRECTORY
                   ? 0
                   : fat_error(err, "A file of that name exists");
    /* The table goes first: the entry is what makes the directory visible. */
    if (fat_volume_allocate(v, 0, &cluster, err) || fat_tree_fill(v, cluster, dir, err) ||
        fat_volume_sync(v, err))
        return -1;
    entry = (struct fat_entry){0};
    entry.raw[FAT_AT_ATTRIBUTES] = FAT_DIRECTORY;
    bytes_put_le32(entry.raw + FAT_AT_MODIFIED, FAT_TIME);
    fat_entry_set_cluster(entry.raw, cluster);
    return fat_dir_add(v, dir, &name, &entry, err);
}

static int fat_tree_remove_entry(struct fat_volume *v, const struct fat_entry *entry,
                                 struct error *err)
{
    uint32_t cluster = fat_entry_cluster(v, entry->raw);

    if (entry->raw[FAT_AT_ATTRIBUTES] & FAT_READ_ONLY)
        return fat_error(err, "It is read-only");
    if (entry->raw[FAT_AT_ATTRIBUTES] & FAT_DIRECTORY) {
        int empty = fat_dir_is_empty(v, cluster, err);
        if (empty <= 0)
            return empty < 0 ? -1 : fat_error(err, "The directory is not empty");
    }
    return fat_dir_remove(entry, err) || fat_volume_free(v, cluster, err) ? -1 : 0;
}

int fat_tree_remove(struct fat_volume *v, const char *path, bool must_exist, struct error *err)
{
    struct fat_entry entry;
    int found = fat_dir_lookup(v, path, &entry, err);

    if (found < 0)
        return -1;
    if (!found)
        return must_exist ? fat_error(err, "Could not find the file") : 0;
    return fat_tree_remove_entry(v, &entry, err);
}

/* 1 if dir is the directory that starts at cluster top or is below it, 0 if not, -1. */
static int fat_tree_is_below(struct fat_volume *v, uint32_t dir, uint32_t top, struct error *err)
{
    uint8_t raw[FAT_ENTRY_SIZE];
    struct fat_dir d;

    /* Each level has a cluster of its own; more levels than clusters are a loop. */
    for (uint32_t depth = 0; depth <= v->clusters; depth++) {
        if (dir == top)
            return 1;
        if (dir == fat_dir_root(v) || dir == 0)
            return 0;
        fat_dir_open(&d, v, dir);
        for (int i = 0; i < 2; i++) /* "." and ".." */
            if (fat_dir_next(&d, raw, err) <= 0)
                return -1;
        dir = fat_entry_cluster(v, raw);
    }
    return fat_error(err, "The file system is damaged");
}

/* Updates the ".." of a directory that was moved. */
static int fat_tree_set_parent(struct fat_volume *v, uint32_t dir, uint32_t parent,
                               struct error *err)
{
    struct fat_entry dots = {.volume = v};
    struct fat_dir d;

    fat_dir_open(&d, v, dir);
    for (int i = 0; i < 2; i++)
        if (fat_dir_next(&d, dots.raw, err) <= 0)
            return -1;
    dots.sector = d.sector;
    dots.slot = d.slot;
    fat_entry_set_cluster(dots.raw, fat_tree_parent_number(v, parent));
    return fat_dir_update(&dots, err);
}

/* Removes the old target of a move, or refuses to, unless it is the moved object itself. */
static int fat_tree_make_way(struct fat_volume *v, uint32_t dir, const struct fat_name *name,
                             const struct fat_entry *moved, bool replace, struct error *err)
{
    struct fat_entry other;
    int found = fat_dir_find(v, dir, name, &other, err);

    if (found <= 0)
        return found;
    if (other.sector == moved->sector && other.slot == moved->slot)
        return 0;
    return replace ? fat_tree_remove_entry(v, &other, err)
                   : fat_error(err, "The new name exists already");
}

int fat_tree_move(struct fat_volume *v, const char *from, const char *to, bool replace,
                  struct error *err)
{
    struct fat_entry old, new = {0};
    struct fat_name name;
    uint32_t dir;

    int found = fat_dir_lookup(v, from, &old, err);
    if (found <= 0)
        return found < 0 ? -1 : fat_error(err, "Could not find the file");
    if (fat_dir_walk(v, to, &dir, &name, err))
        return -1;
    bool is_dir = old.raw[FAT_AT_ATTRIBUTES] & FAT_DIRECTORY;
    uint32_t cluster = fat_entry_cluster(v, old.raw);
    if (is_dir) {
        int below = fat_tree_is_below(v, dir, cluster, err);
        if (below)
            return below < 0 ? -1 : fat_error(err, "A directory cannot move into itself");
    }
    if (fat_tree_make_way(v, dir, &name, &old, replace, err))
        return -1;
    memcpy(new.raw, old.raw, sizeof new.raw);
    if (!is_dir)
        new.raw[FAT_AT_ATTRIBUTES] |= FAT_ARCHIVE;
    /* The new name goes first: for a moment the file has two names, but never none. */
    if (fat_dir_add(v, dir, &name, &new, err) || fat_volume_sync(v, err) ||
        (is_dir && dir != old.dir && fat_tree_set_parent(v, cluster, dir, err)))
        return -1;
    return fat_dir_remove(&old, err);
}

int fat_tree_set_attributes(struct fat_volume *v, const char *path, const char *letters,
                            struct error *err)
{
    static const char names[] = "RHSrhs";
    static const uint8_t bits[] = {FAT_READ_ONLY, FAT_HIDDEN, FAT_SYSTEM};
    uint8_t wanted = 0;
    struct fat_entry entry;

    int found = fat_dir_lookup(v, path, &entry, err);
    if (found <= 0)
        return found < 0 ? -1 : fat_error(err, "Could not find the file");
    for (; *letters; letters++) {
        const char *at = strchr(names, *letters);
        wanted |= at ? bits[(at - names) % 3] : 0;
    }
    entry.raw[FAT_AT_ATTRIBUTES] =
        (uint8_t)((entry.raw[FAT_AT_ATTRIBUTES] & ~(FAT_READ_ONLY | FAT_HIDDEN | FAT_SYSTEM)) |
                  wanted);
    return fat_dir_update(&entry, err);
}

static int fat_tree_parse_label(const char *label, uint8_t raw[FAT_SHORT_SIZE], struct error *err)
{
    size_t len = strlen(label);

    while (len && label[len - 1] == ' ')
        len--;
    if (len > FAT_SHORT_SIZE)
        return fat_error(err, "A volume label has at most 11 characters");
    memset(raw, ' ', FAT_SHORT_SIZE);
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)label[i];
        if (c < ' ' || strchr("+.,;=[]/*:<>\\|\"?\x7f", c))
            return fat_error(err, "The volume label has a character that is not allowed");
        if (c >= 'a' && c <= 'z')
            c = (unsigned char)(c - 0x20);
        raw[i] = c < 0x80 ? c : fat_codepage_upper[c - 0x80];
    }
    if (raw[0] == 0xe5)
        raw[0] = 0x05;
    return 0;
}

int fat_tree_set_label(struct fat_volume *v, const char *label, struct error *err)
{
    struct fat_entry entry;
    uint8_t raw[FAT_SHORT_SIZE];

    if (fat_tree_parse_label(label, raw, err))
        return -1;
    int found = fat_dir_find_label(v, &entry, err);
    if (found < 0)
        return -1;
    if (!label[strspn(label, " ")])
        return found ? fat_dir_remove(&entry, err) : 0;
    if (!found)
        entry = (struct fat_entry){0};
    memcpy(entry.raw, raw, sizeof raw);
    entry.raw[FAT_AT_ATTRIBUTES] = FAT_LABEL;
    return found ? fat_dir_update(&entry, err) : fat_dir_add_raw(v, fat_dir_root(v), &entry, err);
}
