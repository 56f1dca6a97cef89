/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A GUID partition table as it is on a disk, with its second copy at the end (UEFI 5.3). Only
 * tables whose checksums are right are read, and both copies are kept right when one is written.
 */
#ifndef FWSSH_DEVICE_SLOTS_GPT_DISK_H
#define FWSSH_DEVICE_SLOTS_GPT_DISK_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GPT_ENTRY_MIN 128
#define GPT_GUID_SIZE 16
#define GPT_NAME_MAX 37

/* Where the fields of an entry are (UEFI 5.3.3). */
enum gpt_field {
    GPT_FIELD_TYPE = 0,
    GPT_FIELD_FIRST = 32, /* blocks of the disk; the last one is included */
    GPT_FIELD_LAST = 40,
    GPT_FIELD_ATTRIBUTES = 48,
    GPT_FIELD_NAME = 56,
};

/* An attribute: BIOS boot loaders boot this partition. */
#define GPT_LEGACY_BOOT (1ull << 2)

struct gpt_disk {
    size_t unit;          /* bytes of a block */
    uint32_t count, size; /* of the entries; of one in bytes */
    uint8_t *header, *entries;
};

/* fd: of the disk. Returns 0, or -1 if there is no such table; gpt_disk_free() in any case. */
int gpt_disk_read(struct gpt_disk *g, int fd, size_t unit);
void gpt_disk_free(struct gpt_disk *g);

/* Entry n, from 0. */
uint8_t *gpt_disk_entry(const struct gpt_disk *g, uint32_t n);

/* Of an entry as above, or any GPT_ENTRY_MIN bytes like it. */
bool gpt_entry_is_used(const uint8_t *entry);
uint64_t gpt_entry_first(const uint8_t *entry);
uint64_t gpt_entry_last(const uint8_t *entry);
uint64_t gpt_entry_attributes(const uint8_t *entry);
void gpt_entry_set_attributes(uint8_t *entry, uint64_t attributes);
bool gpt_entry_overlaps(const uint8_t *a, const uint8_t *b);

/* Its name, what is not ASCII as '?'. */
void gpt_entry_name(const uint8_t *entry, char name[GPT_NAME_MAX]);

/*
 * Writes the entries: the copy at the end first, then the other one, each flushed, so that one of
 * them is whole at any time. Returns 0, or -1 with the error set; a copy at the end that is not
 * right is EXIT_REFUSED, and nothing is written.
 */
int gpt_disk_write(struct gpt_disk *g, int fd, struct error *err);

#endif
