/* SPDX-License-Identifier: Apache-2.0 */
#include "device/slots/boot_table.h"

#include "base/buffer.h"
#include "base/io.h"
#include "base/memory.h"
#include "device/slots/boot_gpt.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

static const char mbr_prefix[] = "mbr:";

static int boot_table_open(const char *device, int flags)
{
    return device ? open(device, flags | O_CLOEXEC) : -1;
}

static size_t boot_table_block_size(int fd)
{
    int size = 0;

    return ioctl(fd, BLKSSZGET, &size) || size < MBR_SIZE ? MBR_SIZE : (size_t)size;
}

static char *boot_table_mark(const struct boot_table *t)
{
    struct buffer mark = {0};

    if (t->gpt)
        return t->disk.entries ? boot_gpt_mark(&t->disk) : memory_text("");
    buffer_add_text(&mark, mbr_prefix);
    for (int i = 0; i < MBR_PRIMARIES * MBR_ENTRY; i++)
        buffer_printf(&mark, "%02x", t->block[MBR_TABLE + i]);
    return mark.data;
}

static bool boot_table_overlap(const struct mbr_entry *a, const struct mbr_entry *b)
{
    return a->type && b->type && a->start < b->start + (uint64_t)b->count &&
           b->start < a->start + (uint64_t)a->count;
}

static bool boot_table_alike(const struct mbr_entry *a, const struct mbr_entry *b)
{
    return a->type && a->count && a->type == b->type && a->count == b->count &&
           !boot_table_overlap(a, b);
}

static void boot_table_find_mbr_slots(struct boot_table *t)
{
    int pairs = 0;

    for (int i = 0; i < MBR_PRIMARIES; i++)
        for (int k = i + 1; k < MBR_PRIMARIES; k++)
            if (boot_table_alike(&t->entry[i], &t->entry[k])) {
                t->first = i;
                t->second = k;
                pairs++;
            }
    if (pairs != 1)
        t->first = -1;
}

static struct boot_table_slot boot_table_mbr_slot(const struct boot_table *t, int n)
{
    return (struct boot_table_slot){(uint64_t)t->entry[n].start * t->unit, t->entry[n].boot};
}

static struct boot_table_slot boot_table_gpt_slot(const struct boot_table *t, const uint8_t *entry)
{
    return (struct boot_table_slot){gpt_entry_first(entry) * t->unit,
                                    gpt_entry_attributes(entry) & GPT_LEGACY_BOOT};
}

static struct boot_table_slot boot_table_slot_of(const struct boot_table *t, int n)
{
    return t->gpt ? boot_table_gpt_slot(t, gpt_disk_entry(&t->disk, (uint32_t)n))
                  : boot_table_mbr_slot(t, n);
}

static void boot_table_find_slots(struct boot_table *t)
{
    t->first = -1;
    if (!t->gpt)
        boot_table_find_mbr_slots(t);
    else if (t->disk.entries)
        boot_gpt_find_slots(&t->disk, &t->first, &t->second);
    if (t->first < 0)
        return;
    t->slot[0] = boot_table_slot_of(t, t->first);
    t->slot[1] = boot_table_slot_of(t, t->second);
}

static int boot_table_parse(struct boot_table *t)
{
    for (int i = 0; i < MBR_PRIMARIES; i++)
        if (!mbr_entry_read(t->block, i, &t->entry[i]))
            return -1;
    /* Also in a hybrid table the kernel goes by the GPT. */
    t->gpt = false;
    for (int i = 0; i < MBR_PRIMARIES; i++)
        t->gpt = t->gpt || t->entry[i].type == MBR_TYPE_GPT;
    return 0;
}

int boot_table_read(struct boot_table *t, const char *device)
{
    int fd = boot_table_open(device, O_RDONLY);
    int rc = -1;

    *t = (struct boot_table){.first = -1, .unit = 1};
    if (fd >= 0 && pread(fd, t->block, sizeof t->block, 0) == (ssize_t)sizeof t->block &&
        !boot_table_parse(t)) {
        size_t unit = boot_table_block_size(fd);
        t->unit = (uint32_t)(unit / MBR_SIZE);
        if (t->gpt && gpt_disk_read(&t->disk, fd, unit))
            gpt_disk_free(&t->disk);
        boot_table_find_slots(t);
        rc = 0;
    }
    t->mark = rc ? memory_text("") : boot_table_mark(t);
    io_close(&fd);
    return rc;
}

void boot_table_free(struct boot_table *t)
{
    free(t->mark);
    gpt_disk_free(&t->disk);
    t->mark = NULL;
}

static int boot_table_disk(const char *device, dev_t *disk)
{
    struct stat st;

    if (!device || stat(device, &st) || !S_ISBLK(st.st_mode))
        return -1;
    *disk = st.st_rdev;
    return 0;
}

bool boot_table_is_on_disk(const char *device)
{
    dev_t disk;

    return !boot_table_disk(device, &disk);
}

int boot_table_root(const char *device, struct disk_partition *root)
{
    dev_t mounted, disk;

    return boot_table_disk(device, &disk) || disk_map_root(&disk_map_system, &mounted) ||
                   disk_map_partition(&disk_map_system, mounted, disk, root)
               ? -1
               : 0;
}

/* The first block (of 512 bytes) of a partition whose number counts from 1; false if the table has
 * none of that number. */
static bool boot_table_find_start(const struct boot_table *t, uint64_t number, uint64_t *start)
{
    uint64_t n = number - 1, count = t->gpt ? t->disk.count : MBR_PRIMARIES;

    if (n >= count)
        return false;
    *start = (t->gpt ? gpt_entry_first(gpt_disk_entry(&t->disk, (uint32_t)n)) : t->entry[n].start) *
             t->unit;
    return t->gpt ? gpt_entry_is_used(gpt_disk_entry(&t->disk, (uint32_t)n)) : t->entry[n].type;
}

/* A partition that is compared with the table. */
struct boot_table_other {
    const struct boot_table *t;
    uint64_t root;
};

static bool boot_table_agrees(const struct disk_partition *partition, void *data)
{
    const struct boot_table_other *other = data;
    uint64_t start;

    return partition->number != other->root &&
           boot_table_find_start(other->t, partition->number, &start) && start == partition->start;
}

static bool boot_table_has_start(const struct boot_table *t, uint64_t wanted)
{
    uint64_t start, count = t->gpt ? t->disk.count : MBR_PRIMARIES;

    for (uint64_t number = 1; number <= count; number++)
        if (boot_table_find_start(t, number, &start) && start == wanted)
            return true;
    return false;
}

bool boot_table_differs_from_kernel(const struct boot_table *t, const char *device)
{
    struct disk_partition root;
    uint64_t start;
    dev_t disk;

    if (boot_table_root(device, &root) || boot_table_disk(device, &disk) ||
        !boot_table_find_start(t, root.number, &start) || start == root.start)
        return false;
    struct boot_table_other other = {t, root.number};
    return boot_table_has_start(t, root.start) ||
           disk_map_any_partition(&disk_map_system, disk, boot_table_agrees, &other);
}

/* The MBR that a mark was made of, in the place of this one; -1 if the mark is none. */
static int boot_table_go_back(struct boot_table *t, const char *mark)
{
    const size_t digits = 2 * (size_t)MBR_PRIMARIES * MBR_ENTRY;
    unsigned byte;

    if (!mark || strncmp(mark, mbr_prefix, strlen(mbr_prefix)) ||
        strspn(mark + strlen(mbr_prefix), "0123456789abcdef") != digits)
        return -1;
    mark += strlen(mbr_prefix);
    for (int i = 0; i < MBR_PRIMARIES * MBR_ENTRY && sscanf(mark, "%2x", &byte) == 1;
         i++, mark += 2)
        t->block[MBR_TABLE + i] = (uint8_t)byte;
    return boot_table_parse(t);
}

static uint8_t *boot_table_raw(struct boot_table *t, int n)
{
    return t->block + MBR_TABLE + (size_t)MBR_ENTRY * (size_t)n;
}

/* Entry n as it was. What begins there may be another entry by now, and may have grown: then it
 * keeps its size. */
static void boot_table_restore_entry(struct boot_table *t, struct boot_table *now,
                                     struct boot_table *before, int n)
{
    const struct mbr_entry *was = &before->entry[n], *is = &now->entry[n];
    uint8_t *from = boot_table_raw(before, n);

    if (!was->type)
        return; /* added since then */
    if (!is->type || is->start != was->start) {
        for (int i = 0; i < MBR_PRIMARIES; i++)
            if (now->entry[i].type && now->entry[i].start == was->start)
                from = boot_table_raw(now, i);
        memcpy(boot_table_raw(t, n), from, MBR_ENTRY);
    }
    boot_table_raw(t, n)[0] = boot_table_raw(before, n)[0];
}

int boot_table_restore(struct boot_table *t, const char *mark)
{
    struct boot_table now = *t, before = *t;

    if (t->gpt)
        return t->disk.entries ? boot_gpt_restore(&t->disk, mark) : -1;
    if (boot_table_go_back(&before, mark))
        return -1;
    for (int i = 0; i < MBR_PRIMARIES; i++)
        boot_table_restore_entry(t, &now, &before, i);
    if (boot_table_parse(t))
        return -1;
    for (int i = 0; i < MBR_PRIMARIES; i++)
        for (int k = i + 1; k < MBR_PRIMARIES; k++)
            if (boot_table_overlap(&t->entry[i], &t->entry[k]) &&
                !boot_table_overlap(&now.entry[i], &now.entry[k]) &&
                !boot_table_overlap(&before.entry[i], &before.entry[k]))
                return -1;
    return 0;
}

bool boot_table_has_moved(const struct boot_table *t, const char *mark)
{
    struct boot_table before = *t;

    if (t->gpt)
        return t->disk.entries && boot_gpt_has_moved(&t->disk, mark);
    if (boot_table_go_back(&before, mark))
        return false;
    for (int i = 0; i < MBR_PRIMARIES; i++)
        if (before.entry[i].type && (before.entry[i].start != t->entry[i].start ||
                                     before.entry[i].boot != t->entry[i].boot))
            return true;
    return false;
}

static bool boot_table_slot_at_boot(const struct boot_table *t, const char *mark, int n,
                                    struct boot_table_slot *was)
{
    struct boot_table before = *t;
    uint8_t entry[GPT_ENTRY_MIN] = {0};

    *was = (struct boot_table_slot){0};
    if (t->gpt ? !boot_gpt_find(&t->disk, mark, (uint32_t)n, entry)
               : boot_table_go_back(&before, mark) != 0)
        return false;
    *was = t->gpt ? boot_table_gpt_slot(t, entry) : boot_table_mbr_slot(&before, n);
    return true;
}

/* The two slots as they were; false if that is not known. */
static bool boot_table_slots_at_boot(const struct boot_table *t, const char *mark,
                                     struct boot_table_slot was[2])
{
    return boot_table_slot_at_boot(t, mark, t->first, &was[0]) &&
           boot_table_slot_at_boot(t, mark, t->second, &was[1]);
}

/* Of a GPT, the order of entries alone says nothing, and nobody sets the flag for nothing. */
static enum boot_table_style boot_table_style_by_look(const struct boot_table *t)
{
    if (t->gpt)
        return t->slot[0].boot != t->slot[1].boot ? BOOT_TABLE_FLAG : BOOT_TABLE_FIXED;
    if (t->slot[0].start > t->slot[1].start)
        return BOOT_TABLE_ORDER;
    return !t->slot[0].boot && t->slot[1].boot ? BOOT_TABLE_FLAG : BOOT_TABLE_FIXED;
}

enum boot_table_style boot_table_style(const struct boot_table *t, const char *mark)
{
    struct boot_table_slot was[2];

    if (t->first < 0)
        return BOOT_TABLE_FIXED;
    enum boot_table_style style = boot_table_style_by_look(t);
    if (style != BOOT_TABLE_FIXED || !boot_table_has_moved(t, mark) ||
        !boot_table_slots_at_boot(t, mark, was))
        return style;
    return was[0].start != t->slot[0].start ? BOOT_TABLE_ORDER : BOOT_TABLE_FLAG;
}

const char *boot_table_slot_at(const struct boot_table *t, uint64_t block)
{
    if (t->first < 0)
        return "";
    uint64_t first = t->slot[0].start, second = t->slot[1].start;
    if (block != first && block != second)
        return "";
    return block == (first < second ? first : second) ? "a" : "b";
}

static const char *boot_table_choose(const struct boot_table *t,
                                     const struct boot_table_slot slot[2],
                                     enum boot_table_style style)
{
    if (style == BOOT_TABLE_FIXED || (style == BOOT_TABLE_FLAG && slot[0].boot == slot[1].boot))
        return "";
    bool boots_first = style == BOOT_TABLE_ORDER || slot[0].boot;
    return boot_table_slot_at(t, slot[boots_first ? 0 : 1].start);
}

const char *boot_table_next(const struct boot_table *t, enum boot_table_style style)
{
    return t->first < 0 ? "" : boot_table_choose(t, t->slot, style);
}

const char *boot_table_next_at_boot(const struct boot_table *t, const char *mark,
                                    enum boot_table_style style)
{
    struct boot_table_slot was[2];

    return t->first >= 0 && boot_table_slots_at_boot(t, mark, was)
               ? boot_table_choose(t, was, style)
               : "";
}

static void boot_table_swap(uint8_t *a, uint8_t *b, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        uint8_t byte = a[i];
        a[i] = b[i];
        b[i] = byte;
    }
}

/* When entries are exchanged, the flag stays at its place in the table. */
static void boot_table_switch_mbr(struct boot_table *t, enum boot_table_style style)
{
    uint8_t *first = boot_table_raw(t, t->first), *second = boot_table_raw(t, t->second);

    if (style == BOOT_TABLE_ORDER)
        boot_table_swap(first, second, MBR_ENTRY);
    boot_table_swap(first, second, 1);
    (void)boot_table_parse(t);
}

static void boot_table_switch_gpt(struct boot_table *t, enum boot_table_style style)
{
    uint8_t *first = gpt_disk_entry(&t->disk, (uint32_t)t->first);
    uint8_t *second = gpt_disk_entry(&t->disk, (uint32_t)t->second);
    uint64_t boots = (gpt_entry_attributes(first) ^ gpt_entry_attributes(second)) & GPT_LEGACY_BOOT;

    if (style == BOOT_TABLE_ORDER)
        boot_table_swap(first, second, t->disk.size);
    gpt_entry_set_attributes(first, gpt_entry_attributes(first) ^ boots);
    gpt_entry_set_attributes(second, gpt_entry_attributes(second) ^ boots);
}

void boot_table_switch(struct boot_table *t, enum boot_table_style style)
{
    if (t->gpt)
        boot_table_switch_gpt(t, style);
    else
        boot_table_switch_mbr(t, style);
    boot_table_find_slots(t);
}

static int boot_table_write_mbr(const struct boot_table *t, int fd, struct error *err)
{
    return io_pwrite_all(fd, t->block, sizeof t->block, 0) || fsync(fd)
               ? error_errno(err, "cannot write the partition table")
               : 0;
}

int boot_table_write(struct boot_table *t, const char *device, struct error *err)
{
    struct boot_table now = {0};
    int fd = boot_table_open(device, O_RDWR);
    int rc;

    if (fd < 0)
        return error_errno(err, "cannot open %s", device);
    rc = t->gpt ? gpt_disk_write(&t->disk, fd, err) : boot_table_write_mbr(t, fd, err);
    io_close(&fd);
    char *wanted = boot_table_mark(t);
    if (!rc && (boot_table_read(&now, device) || strcmp(now.mark, wanted) != 0))
        rc = error_set(err, EXIT_FAILED, "the partition table is not what was written to it");
    free(wanted);
    boot_table_free(&now);
    return rc;
}
