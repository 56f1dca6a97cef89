/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/fat/fat_dir.h"

#include "base/bytes.h"

#include <string.h>

#define SLOTS (BLOCK_SIZE / FAT_ENTRY_SIZE)
/* The limit of FAT; it also ends the walk of a directory whose clusters form a loop. */
#define DIR_ENTRIES_MAX 65536u
#define ENTRY_REMOVED 0xe5u
#define LONG_ATTRIBUTES 0x0fu
#define LONG_MASK 0x3fu
#define LONG_LAST 0x40u
#define LONG_CHARS 13u
#define LONG_PARTS_MAX 20u

/* The offsets of the 13 characters in a part of a long name. */
static const uint8_t long_offsets[LONG_CHARS] = {1, 3, 5, 7, 9, 14, 16, 18, 20, 22, 24, 28, 30};

uint32_t fat_dir_root(const struct fat_volume *v)
{
    return v->kind == FAT32 ? v->root_cluster : 0;
}

void fat_dir_open(struct fat_dir *d, struct fat_volume *v, uint32_t first)
{
    /* ".." of a directory in FAT32's root is stored as 0. */
    if (!first)
        first = fat_dir_root(v);
    *d = (struct fat_dir){.volume = v, .first = first, .cluster = first};
}

/* Advances to the sector of the next entry: 1, 0 after the last cluster, -1. */
static int fat_dir_step(struct fat_dir *d, struct error *err)
{
    struct fat_volume *v = d->volume;
    uint32_t sector = d->index / SLOTS;

    if (d->index >= DIR_ENTRIES_MAX)
        return 0;
    if (!d->first) {
        if (sector >= v->root_sectors)
            return 0;
        d->sector = v->root_start + sector;
    } else {
        uint32_t in_cluster = sector % v->cluster_sectors, next;
        if (in_cluster == 0 && d->index > 0) {
            if (fat_volume_get(v, d->cluster, &next, err))
                return -1;
            if (next == FAT_END)
                return 0;
            d->cluster = next;
        }
        if (fat_volume_get(v, d->cluster, &next, err)) /* refuses an invalid cluster number */
            return -1;
        d->sector = fat_volume_sector(v, d->cluster) + in_cluster;
    }
    return fat_volume_read(v, d->sector, d->block, 1, err) ? -1 : 1;
}

int fat_dir_next(struct fat_dir *d, uint8_t raw[FAT_ENTRY_SIZE], struct error *err)
{
    if (d->index % SLOTS == 0 || !d->loaded) {
        int rc = fat_dir_step(d, err);
        if (rc <= 0)
            return rc;
        d->loaded = true;
    }
    d->slot = d->index % SLOTS;
    memcpy(raw, d->block + d->slot * FAT_ENTRY_SIZE, FAT_ENTRY_SIZE);
    d->index++;
    return 1;
}

static int fat_dir_store(struct fat_volume *v, uint32_t sector, unsigned slot,
                         const uint8_t raw[FAT_ENTRY_SIZE], struct error *err)
{
    uint8_t block[BLOCK_SIZE];

    if (fat_volume_read(v, sector, block, 1, err))
        return -1;
    memcpy(block + slot * FAT_ENTRY_SIZE, raw, FAT_ENTRY_SIZE);
    return fat_volume_write(v, sector, block, 1, err);
}

int fat_dir_update(const struct fat_entry *entry, struct error *err)
{
    return fat_dir_store(entry->volume, entry->sector, entry->slot, entry->raw, err);
}

/* A long name being collected from its parts, of which the last comes first. */
struct fat_long {
    unsigned parts, next; /* their number, and that of the next one expected */
    unsigned len;
    uint8_t checksum;
    uint16_t text[LONG_PARTS_MAX * LONG_CHARS];
};

static void fat_long_take(struct fat_long *l, const uint8_t *raw)
{
    unsigned number = raw[0] & LONG_MASK;

    if (raw[0] & LONG_LAST && number >= 1 && number <= LONG_PARTS_MAX)
        *l = (struct fat_long){.parts = number, .next = number, .checksum = raw[13]};
    if (!l->parts || !number || number != l->next || raw[13] != l->checksum) {
        l->parts = 0;
        return;
    }
    l->next = number - 1;
    for (unsigned i = 0; i < LONG_CHARS; i++) {
        uint16_t c = bytes_le16(raw + long_offsets[i]);
        unsigned at = (number - 1) * LONG_CHARS + i;
        l->text[at] = c;
        if (c != 0 && c != 0xffff && at >= l->len)
            l->len = at + 1;
    }
}

static bool fat_long_is_whole(const struct fat_long *l, const uint8_t *raw)
{
    return l->parts && l->next == 0 && l->checksum == fat_name_checksum(raw);
}

static bool fat_dir_matches(const struct fat_name *name, const struct fat_long *l,
                            const uint8_t *raw)
{
    if (fat_long_is_whole(l, raw) && fat_name_is(name, l->text, l->len))
        return true;
    return !name->is_lossy && !memcmp(raw, name->brief, FAT_SHORT_SIZE);
}

/* Describes the entry at the current position, with the long name before it. */
static void fat_dir_found(const struct fat_dir *d, const struct fat_long *l, const uint8_t *raw,
                          struct fat_entry *entry)
{
    *entry = (struct fat_entry){
        .volume = d->volume, .dir = d->first, .sector = d->sector, .slot = d->slot};
    entry->count = 1 + (fat_long_is_whole(l, raw) ? l->parts : 0);
    entry->index = d->index - entry->count;
    memcpy(entry->raw, raw, FAT_ENTRY_SIZE);
}

/* name NULL: the label. */
static int fat_dir_search(struct fat_volume *v, uint32_t dir, const struct fat_name *name,
                          struct fat_entry *entry, struct error *err)
{
    uint8_t raw[FAT_ENTRY_SIZE];
    struct fat_long l = {0};
    struct fat_dir d;
    int more;

    fat_dir_open(&d, v, dir);
    while ((more = fat_dir_next(&d, raw, err)) > 0 && raw[0]) {
        uint8_t attributes = raw[FAT_AT_ATTRIBUTES] & LONG_MASK;
        if (raw[0] == ENTRY_REMOVED) {
            l.parts = 0;
        } else if (attributes == LONG_ATTRIBUTES) {
            fat_long_take(&l, raw);
        } else if (name ? !(attributes & FAT_LABEL) && fat_dir_matches(name, &l, raw)
                        : (attributes & FAT_LABEL) != 0) {
            fat_dir_found(&d, &l, raw, entry);
            return 1;
        } else {
            l.parts = 0;
        }
    }
    return more < 0 ? -1 : 0;
}

int fat_dir_find(struct fat_volume *v, uint32_t dir, const struct fat_name *name,
                 struct fat_entry *entry, struct error *err)
{
    return fat_dir_search(v, dir, name, entry, err);
}

int fat_dir_find_label(struct fat_volume *v, struct fat_entry *entry, struct error *err)
{
    return fat_dir_search(v, fat_dir_root(v), NULL, entry, err);
}

int fat_dir_is_empty(struct fat_volume *v, uint32_t dir, struct error *err)
{
    uint8_t raw[FAT_ENTRY_SIZE];
    struct fat_dir d;
    int more;

    fat_dir_open(&d, v, dir);
    while ((more = fat_dir_next(&d, raw, err)) > 0 && raw[0])
        if (raw[0] != ENTRY_REMOVED && raw[0] != '.' &&
            (raw[FAT_AT_ATTRIBUTES] & LONG_MASK) != LONG_ATTRIBUTES)
            return 0;
    return more < 0 ? -1 : 1;
}

static int fat_dir_clear_cluster(struct fat_volume *v, uint32_t cluster, struct error *err)
{
    static const uint8_t zeros[BLOCK_SIZE];

    for (uint32_t i = 0; i < v->cluster_sectors; i++)
        if (fat_volume_write(v, fat_volume_sector(v, cluster) + i, zeros, 1, err))
            return -1;
    return 0;
}

/* Appends a cluster of empty entries. */
static int fat_dir_grow(struct fat_dir *d, struct error *err)
{
    uint32_t cluster;

    if (!d->first || d->index >= DIR_ENTRIES_MAX)
        return fat_error(err, "The directory is full");
    return fat_volume_allocate(d->volume, d->cluster, &cluster, err) ||
                   fat_dir_clear_cluster(d->volume, cluster, err)
               ? -1
               : 0;
}

/* Finds count free entries in a row and puts d before the first. */
static int fat_dir_make_room(struct fat_dir *d, unsigned count, struct error *err)
{
    uint8_t raw[FAT_ENTRY_SIZE];
    struct fat_dir start = *d;
    bool ended = false; /* after the end mark everything is free, whatever it looks like */
    unsigned run = 0;

    while (run < count) {
        struct fat_dir here = *d;
        int more = fat_dir_next(d, raw, err);
        if (more < 0 || (!more && fat_dir_grow(d, err)))
            return -1;
        if (!more)
            continue;
        ended = ended || !raw[0];
        if (!ended && raw[0] != ENTRY_REMOVED) {
            run = 0;
            continue;
        }
        if (run++ == 0)
            start = here;
    }
    *d = start;
    return 0;
}

static void fat_long_part(const struct fat_name *name, unsigned number, bool last, uint8_t checksum,
                          uint8_t raw[FAT_ENTRY_SIZE])
{
    memset(raw, 0, FAT_ENTRY_SIZE);
    raw[0] = (uint8_t)(number | (last ? LONG_LAST : 0));
    raw[FAT_AT_ATTRIBUTES] = LONG_ATTRIBUTES;
    raw[13] = checksum;
    for (unsigned i = 0; i < LONG_CHARS; i++) {
        unsigned at = (number - 1) * LONG_CHARS + i;
        /* One NUL after the name, then 0xffff. */
        uint16_t c = at < name->len ? name->text[at] : at == name->len ? 0 : 0xffff;
        bytes_put_le16(raw + long_offsets[i], c);
    }
}

/* Chooses a short name that is not in use. */
static int fat_dir_choose_short(struct fat_volume *v, uint32_t dir, const struct fat_name *name,
                                uint8_t brief[FAT_SHORT_SIZE], struct error *err)
{
    struct fat_entry other;

    memcpy(brief, name->brief, FAT_SHORT_SIZE);
    if (!name->is_lossy)
        return 0;
    for (unsigned i = 1; i < 100; i++) {
        struct fat_name numbered = {0};
        fat_name_number(name, i, brief);
        memcpy(numbered.brief, brief, FAT_SHORT_SIZE);
        int found = fat_dir_search(v, dir, &numbered, &other, err);
        if (found <= 0)
            return found;
    }
    return fat_error(err, "Too many similar names");
}

/* There may be anything after the end mark, so the mark has to follow the new entries. */
static int fat_dir_keep_end(struct fat_dir *d, struct error *err)
{
    uint8_t raw[FAT_ENTRY_SIZE];
    int more = fat_dir_next(d, raw, err);

    if (more <= 0)
        return more;
    memset(raw, 0, sizeof raw);
    return fat_dir_store(d->volume, d->sector, d->slot, raw, err);
}

/* name NULL: no long name. */
static int fat_dir_put(struct fat_volume *v, uint32_t dir, const struct fat_name *name,
                       struct fat_entry *entry, struct error *err)
{
    unsigned parts = name && name->needs_long ? (name->len + LONG_CHARS - 1) / LONG_CHARS : 0;
    uint8_t checksum = fat_name_checksum(entry->raw), raw[FAT_ENTRY_SIZE];
    bool had_end = false;
    struct fat_dir d;

    fat_dir_open(&d, v, dir);
    if (fat_dir_make_room(&d, parts + 1, err))
        return -1;
    entry->volume = v;
    entry->dir = d.first;
    entry->index = d.index;
    entry->count = parts + 1;
    for (unsigned number = parts;; number--) {
        if (fat_dir_next(&d, raw, err) <= 0)
            return -1;
        had_end = had_end || !raw[0];
        if (number)
            fat_long_part(name, number, number == parts, checksum, raw);
        if (fat_dir_store(v, d.sector, d.slot, number ? raw : entry->raw, err))
            return -1;
        if (!number)
            break;
    }
    entry->sector = d.sector;
    entry->slot = d.slot;
    return had_end ? fat_dir_keep_end(&d, err) : 0;
}

int fat_dir_add(struct fat_volume *v, uint32_t dir, const struct fat_name *name,
                struct fat_entry *entry, struct error *err)
{
    if (fat_dir_choose_short(v, dir, name, entry->raw, err))
        return -1;
    entry->raw[FAT_AT_CASE] = name->case_bits;
    return fat_dir_put(v, dir, name, entry, err);
}

int fat_dir_add_raw(struct fat_volume *v, uint32_t dir, struct fat_entry *entry, struct error *err)
{
    return fat_dir_put(v, dir, NULL, entry, err);
}

int fat_dir_remove(const struct fat_entry *entry, struct error *err)
{
    uint8_t raw[FAT_ENTRY_SIZE];
    struct fat_dir d;

    fat_dir_open(&d, entry->volume, entry->dir);
    while (d.index < entry->index + entry->count) {
        uint32_t index = d.index;
        int more = fat_dir_next(&d, raw, err);
        if (more <= 0)
            return more < 0 ? -1 : fat_error(err, "The file system is damaged");
        if (index < entry->index)
            continue;
        raw[0] = ENTRY_REMOVED;
        if (fat_dir_store(d.volume, d.sector, d.slot, raw, err))
            return -1;
    }
    return 0;
}

uint32_t fat_entry_cluster(const struct fat_volume *v, const uint8_t raw[FAT_ENTRY_SIZE])
{
    return bytes_le16(raw + 26) | (v->kind == FAT32 ? (uint32_t)bytes_le16(raw + 20) << 16 : 0);
}

void fat_entry_set_cluster(uint8_t raw[FAT_ENTRY_SIZE], uint32_t cluster)
{
    bytes_put_le16(raw + 26, (uint16_t)cluster);
    bytes_put_le16(raw + 20, (uint16_t)(cluster >> 16));
}

/* 1, 0 if a directory on the path is missing, -1. */
static int fat_dir_try_walk(struct fat_volume *v, const char *path, uint32_t *dir,
                            struct fat_name *name, struct error *err)
{
    struct fat_entry entry;

    *dir = fat_dir_root(v);
    path += strspn(path, "/");
    for (;;) {
        if (fat_name_parse(name, &path, err))
            return -1;
        if (!*path)
            return 1;
        int found = fat_dir_search(v, *dir, name, &entry, err);
        if (found <= 0)
            return found;
        if (!(entry.raw[FAT_AT_ATTRIBUTES] & FAT_DIRECTORY))
            return 0;
        *dir = fat_entry_cluster(v, entry.raw);
    }
}

int fat_dir_walk(struct fat_volume *v, const char *path, uint32_t *dir, struct fat_name *name,
                 struct error *err)
{
    int rc = fat_dir_try_walk(v, path, dir, name, err);

    return rc == 0 ? fat_error(err, "Could not find the path") : rc < 0 ? -1 : 0;
}

int fat_dir_lookup(struct fat_volume *v, const char *path, struct fat_entry *entry,
                   struct error *err)
{
    struct fat_name name;
    uint32_t dir;
    int rc = fat_dir_try_walk(v, path, &dir, &name, err);

    return rc <= 0 ? rc : fat_dir_search(v, dir, &name, entry, err);
}
