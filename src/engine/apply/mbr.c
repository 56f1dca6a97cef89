/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/apply/mbr.h"

#include "base/bytes.h"

#include <string.h>

#define MBR_OSIP_HEADER 32
#define MBR_OSIP_IMAGE 24

void mbr_expand(struct mbr_table *table, uint64_t device_blocks)
{
    uint64_t end = device_blocks;

    for (int i = 0; i < MBR_PARTITIONS; i++) {
        const struct mbr_partition *p = &table->partition[i];
        if (p->present && (uint64_t)p->offset + p->count > end)
            end = (uint64_t)p->offset + p->count;
    }
    for (int i = 0; i < MBR_PARTITIONS; i++) {
        struct mbr_partition *p = &table->partition[i];
        if (!p->present || !p->expand || end <= (uint64_t)p->offset + p->count)
            continue;
        /* The field has 32 bits: on a larger device the partition ends where the format does. */
        uint64_t count = end - p->offset;
        p->count = count > UINT32_MAX ? UINT32_MAX : (uint32_t)count;
    }
}

static void mbr_put_osip(const struct mbr_table *table, uint8_t *p)
{
    int size = MBR_OSIP_HEADER + MBR_OSIP_IMAGE * table->osii_count;

    memcpy(p, "$OS$", 4);
    p[5] = table->osip_minor;
    p[6] = table->osip_major;
    p[8] = table->osip_pointers;
    p[9] = (uint8_t)table->osii_count;
    bytes_put_le16(p + 10, (uint16_t)size);
    for (int i = 0; i < table->osii_count; i++) {
        const struct mbr_osii *image = &table->osii[i];
        uint8_t *q = p + MBR_OSIP_HEADER + MBR_OSIP_IMAGE * i;
        bytes_put_le16(q, image->minor);
        bytes_put_le16(q + 2, image->major);
        bytes_put_le32(q + 4, image->start);
        bytes_put_le32(q + 8, image->load);
        bytes_put_le32(q + 12, image->entry);
        bytes_put_le32(q + 16, image->blocks);
        q[20] = image->attribute;
    }
    uint8_t checksum = 0;
    for (int i = 0; i < size; i++)
        checksum ^= p[i];
    p[7] = checksum;
}

static bool mbr_is_extended_type(uint8_t type)
{
    return type == 0x05 || type == 0x0f;
}

void mbr_encode(const struct mbr_table *table, uint8_t block[MBR_SIZE])
{
    memset(block, 0, MBR_SIZE);
    if (table->has_bootstrap)
        memcpy(block, table->bootstrap, MBR_BOOTSTRAP_SIZE);
    if (table->has_osip)
        mbr_put_osip(table, block);
    bytes_put_le32(block + 440, table->signature);
    for (int i = 0; i < MBR_PRIMARIES; i++) {
        const struct mbr_partition *p = &table->partition[i];
        struct mbr_entry entry = {.boot = p->boot && !(i == 3 && mbr_is_extended_type(p->type)),
                                  .type = p->type,
                                  .start = p->offset,
                                  .count = p->count};
        if (p->present)
            mbr_entry_put(block + MBR_TABLE + MBR_ENTRY * i, &entry);
    }
    block[510] = 0x55;
    block[511] = 0xaa;
}

int mbr_encode_ebrs(const struct mbr_table *table, uint8_t blocks[MBR_EBR_MAX][MBR_SIZE])
{
    uint32_t extended = table->partition[3].offset;
    int count = 0;

    for (int i = MBR_PRIMARIES; i < MBR_PARTITIONS; i++) {
        const struct mbr_partition *p = &table->partition[i];
        if (!p->present)
            continue;
        uint8_t *block = blocks[count];
        memset(block, 0, MBR_SIZE);
        /* Relative to this record. */
        struct mbr_entry entry = {
            .type = p->type, .start = p->offset - (extended + (uint32_t)count), .count = p->count};
        mbr_entry_put(block + MBR_TABLE, &entry);
        block[510] = 0x55;
        block[511] = 0xaa;
        /* The previous record points here, relative to the extended partition. */
        struct mbr_entry next = {.type = 0x0f, .start = (uint32_t)count, .count = 1};
        if (count > 0)
            mbr_entry_put(blocks[count - 1] + MBR_TABLE + MBR_ENTRY, &next);
        count++;
    }
    return count;
}
