/* SPDX-License-Identifier: Apache-2.0 */
#include "device/slots/gpt_disk.h"

#include "base/bytes.h"
#include "base/io.h"
#include "base/memory.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define GPT_SIGNATURE "EFI PART"
#define GPT_PRIMARY_BLOCK 1
#define GPT_HEADER_MIN 92
#define GPT_ENTRIES_MAX (1u << 20) /* bytes */

/* Fields of the header (UEFI 5.3.2). */
enum gpt_header_field {
    GPT_HEADER_SIZE = 12,
    GPT_HEADER_CRC = 16,
    GPT_HEADER_SELF = 24,
    GPT_HEADER_OTHER = 32,
    GPT_HEADER_GUID = 56,
    GPT_HEADER_ENTRIES = 72,
    GPT_HEADER_COUNT = 80,
    GPT_HEADER_ENTRY_SIZE = 84,
    GPT_HEADER_ENTRIES_CRC = 88,
};

static uint32_t gpt_crc(const uint8_t *data, size_t len)
{
    uint32_t crc = UINT32_MAX;

    for (size_t i = 0; i < len; i++) {
        crc ^= data[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
    }
    return ~crc;
}

static uint32_t gpt_header_crc(const uint8_t *header)
{
    uint32_t size = bytes_le32(header + GPT_HEADER_SIZE);
    uint8_t *copy = memory_new(1, size);

    memcpy(copy, header, size);
    bytes_put_le32(copy + GPT_HEADER_CRC, 0);
    uint32_t crc = gpt_crc(copy, size);
    free(copy);
    return crc;
}

static bool gpt_read_at(int fd, void *data, size_t len, uint64_t block, size_t unit)
{
    return block <= INT64_MAX / unit && pread(fd, data, len, (off_t)(block * unit)) == (ssize_t)len;
}

static size_t gpt_entries_len(const struct gpt_disk *g)
{
    return (size_t)g->count * g->size;
}

static bool gpt_header_is_valid(const uint8_t *header, uint64_t self, uint64_t unit)
{
    uint32_t size = bytes_le32(header + GPT_HEADER_SIZE);

    return !memcmp(header, GPT_SIGNATURE, strlen(GPT_SIGNATURE)) && size >= GPT_HEADER_MIN &&
           size <= unit && bytes_le64(header + GPT_HEADER_SELF) == self &&
           bytes_le32(header + GPT_HEADER_CRC) == gpt_header_crc(header);
}

static bool gpt_disk_take_sizes(struct gpt_disk *g)
{
    g->count = bytes_le32(g->header + GPT_HEADER_COUNT);
    g->size = bytes_le32(g->header + GPT_HEADER_ENTRY_SIZE);
    return g->size >= GPT_ENTRY_MIN && g->size <= GPT_ENTRIES_MAX && g->count &&
           g->count <= GPT_ENTRIES_MAX / g->size;
}

/* One copy, whose header is in that block. */
static int gpt_disk_read_copy(struct gpt_disk *g, int fd, uint64_t block)
{
    g->header = memory_new(1, g->unit);
    if (!gpt_read_at(fd, g->header, g->unit, block, g->unit) ||
        !gpt_header_is_valid(g->header, block, g->unit) || !gpt_disk_take_sizes(g))
        return -1;
    g->entries = memory_new(g->count, g->size);
    return gpt_read_at(fd, g->entries, gpt_entries_len(g),
                       bytes_le64(g->header + GPT_HEADER_ENTRIES), g->unit) &&
                   gpt_crc(g->entries, gpt_entries_len(g)) ==
                       bytes_le32(g->header + GPT_HEADER_ENTRIES_CRC)
               ? 0
               : -1;
}

int gpt_disk_read(struct gpt_disk *g, int fd, size_t unit)
{
    *g = (struct gpt_disk){.unit = unit};
    return gpt_disk_read_copy(g, fd, GPT_PRIMARY_BLOCK);
}

void gpt_disk_free(struct gpt_disk *g)
{
    free(g->header);
    free(g->entries);
    *g = (struct gpt_disk){0};
}

uint8_t *gpt_disk_entry(const struct gpt_disk *g, uint32_t n)
{
    return g->entries + (size_t)n * g->size;
}

bool gpt_entry_is_used(const uint8_t *entry)
{
    static const uint8_t none[GPT_GUID_SIZE];

    return memcmp(entry + GPT_FIELD_TYPE, none, sizeof none) != 0;
}

uint64_t gpt_entry_first(const uint8_t *entry)
{
    return bytes_le64(entry + GPT_FIELD_FIRST);
}

uint64_t gpt_entry_last(const uint8_t *entry)
{
    return bytes_le64(entry + GPT_FIELD_LAST);
}

uint64_t gpt_entry_attributes(const uint8_t *entry)
{
    return bytes_le64(entry + GPT_FIELD_ATTRIBUTES);
}

void gpt_entry_set_attributes(uint8_t *entry, uint64_t attributes)
{
    bytes_put_le64(entry + GPT_FIELD_ATTRIBUTES, attributes);
}

bool gpt_entry_overlaps(const uint8_t *a, const uint8_t *b)
{
    return gpt_entry_is_used(a) && gpt_entry_is_used(b) &&
           gpt_entry_first(a) <= gpt_entry_last(b) && gpt_entry_first(b) <= gpt_entry_last(a);
}

void gpt_entry_name(const uint8_t *entry, char name[GPT_NAME_MAX])
{
    size_t len = 0;

    for (uint16_t c; len + 1 < GPT_NAME_MAX && (c = bytes_le16(entry + GPT_FIELD_NAME + 2 * len));)
        name[len++] = c >= ' ' && c < 0x7f ? (char)c : '?';
    name[len] = '\0';
}

/* The copy at the end, if it is one of this table. */
static int gpt_disk_read_backup(const struct gpt_disk *g, struct gpt_disk *backup, int fd,
                                struct error *err)
{
    *backup = (struct gpt_disk){.unit = g->unit};
    if (gpt_disk_read_copy(backup, fd, bytes_le64(g->header + GPT_HEADER_OTHER)) ||
        bytes_le64(backup->header + GPT_HEADER_OTHER) != GPT_PRIMARY_BLOCK ||
        backup->count != g->count || backup->size != g->size ||
        memcmp(backup->header + GPT_HEADER_GUID, g->header + GPT_HEADER_GUID, GPT_GUID_SIZE) != 0)
        return error_set(err, EXIT_REFUSED,
                         "the second copy of the GPT, at the end of the disk, is not right, so the "
                         "table is not changed; repair it first (sgdisk -e)");
    return 0;
}

/* Entries first: until the header follows, this copy is not valid. */
static int gpt_disk_write_copy(const struct gpt_disk *g, uint8_t *header, int fd)
{
    uint64_t entries = bytes_le64(header + GPT_HEADER_ENTRIES);
    uint64_t self = bytes_le64(header + GPT_HEADER_SELF);

    bytes_put_le32(header + GPT_HEADER_ENTRIES_CRC, gpt_crc(g->entries, gpt_entries_len(g)));
    bytes_put_le32(header + GPT_HEADER_CRC, gpt_header_crc(header));
    return io_pwrite_all(fd, g->entries, gpt_entries_len(g), entries * g->unit) || fsync(fd) ||
                   io_pwrite_all(fd, header, g->unit, self * g->unit) || fsync(fd)
               ? -1
               : 0;
}

int gpt_disk_write(struct gpt_disk *g, int fd, struct error *err)
{
    struct gpt_disk backup;
    int rc = gpt_disk_read_backup(g, &backup, fd, err);

    if (!rc && (gpt_disk_write_copy(g, backup.header, fd) || gpt_disk_write_copy(g, g->header, fd)))
        rc = error_errno(err, "cannot write the partition table");
    gpt_disk_free(&backup);
    return rc;
}
