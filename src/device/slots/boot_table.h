/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The partition table of the device: on some systems it is what decides which slot boots, because
 * an update exchanges entries, moves the active flag or writes another table.
 */
#ifndef FWSSH_DEVICE_SLOTS_BOOT_TABLE_H
#define FWSSH_DEVICE_SLOTS_BOOT_TABLE_H

#include "base/disk_map.h"
#include "base/error.h"
#include "base/mbr_entry.h"
#include "device/slots/gpt_disk.h"

#include <stdbool.h>
#include <stdint.h>

enum boot_table_style {
    BOOT_TABLE_FIXED, /* nothing shows that it decides which slot boots */
    BOOT_TABLE_ORDER, /* the first of the two slots' entries boots; an update exchanges them */
    BOOT_TABLE_FLAG,  /* the one with the active flag boots */
};

struct boot_table_slot {
    uint64_t start; /* in blocks of 512 bytes */
    bool boot;      /* has the active flag; of a GPT, the one for BIOS boot loaders */
};

struct boot_table {
    bool gpt;
    struct gpt_disk disk; /* of a GPT; without entries if its checksums are wrong */
    uint32_t unit;        /* of start and count of the entries, in blocks of 512 bytes */
    uint8_t block[MBR_SIZE];
    struct mbr_entry entry[MBR_PRIMARIES];
    char *mark; /* all entries as a word, to compare with later and to go back to */
    /* The two entries that can be slots, by their place in the table: alike in type and size, and
     * the only two that are, or of a GPT the only two of which one has the flag. first is -1 if
     * there are none. */
    int first, second;
    struct boot_table_slot slot[2]; /* the same two */
};

/* device, below: the resolved path of the key device; NULL if it was not found. */

/* Reads the table as it is on the disk now. Returns 0, or -1 if there is no device or no table.
 * boot_table_free() in any case. */
int boot_table_read(struct boot_table *t, const char *device);
void boot_table_free(struct boot_table *t);

/*
 * Whether the kernel booted from another table: it keeps the partitions that it found, and the one
 * that is mounted as / lies elsewhere than its entry now says. False if that cannot be told: the
 * kernel may have its partitions from elsewhere (blkdevparts=, a device tree), unless another one
 * agrees with the table, or another entry begins where / lies.
 */
bool boot_table_differs_from_kernel(const struct boot_table *t, const char *device);

/* Whether the key device is a disk and not an image file: then what the running system says of its
 * next boot is about it. */
bool boot_table_is_on_disk(const char *device);

/* The partition of this disk that / is mounted from, or built on; -1 if there is none. */
int boot_table_root(const char *device, struct disk_partition *root);

/* Makes the table boot what it booted with that mark: entries that were there then begin where they
 * began, with the boot flag where it was. What was added or has grown since then stays. Returns
 * 0, or -1 if the mark is none, or two entries would overlap: then t is not to be written. */
int boot_table_restore(struct boot_table *t, const char *mark);

/* Whether what boots may be another one than with the table of the mark (NULL or "": unknown, so
 * no): an entry begins elsewhere, or the active flag has moved. A partition that was added or has
 * grown changes nothing. */
bool boot_table_has_moved(const struct boot_table *t, const char *mark);

/* mark: of the table at boot, or "". */
enum boot_table_style boot_table_style(const struct boot_table *t, const char *mark);

/* The slot that the table boots: "a" for the one that lies first on the disk, "b" for the other
 * one, "" if it does not say. */
const char *boot_table_next(const struct boot_table *t, enum boot_table_style style);

/* The one that it booted with that mark, as far as that is known. */
const char *boot_table_next_at_boot(const struct boot_table *t, const char *mark,
                                    enum boot_table_style style);

/* The slot that begins at a block (of 512 bytes); "" if none does. */
const char *boot_table_slot_at(const struct boot_table *t, uint64_t block);

/* Makes the table boot the other one of its two slots. */
void boot_table_switch(struct boot_table *t, enum boot_table_style style);

/* Writes the table, flushes it, and reads it back. Returns 0, or -1 with the error set. */
int boot_table_write(struct boot_table *t, const char *device, struct error *err);

#endif
