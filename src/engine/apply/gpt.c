/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/apply/gpt.h"

#include "base/bytes.h"
#include "engine/medium/block_cache.h"

#include <string.h>
#include <zlib.h>

#define GPT_ENTRY_SIZE 128u
#define GPT_ENTRIES 128u
#define GPT_HEADER_SIZE 92u
#define GPT_REVISION 0x00010000u
#define GPT_FIRST_USABLE GPT_PRIMARY_BLOCKS
#define GPT_MBR_ENTRY 446
#define GPT_MBR_TYPE 0xee

uint64_t gpt_blocks_needed(const struct gpt_table *table)
{
    uint64_t end = GPT_PRIMARY_BLOCKS;

    for (int i = 0; i < GPT_PARTITIONS; i++) {
        const struct gpt_partition *p = &table->partition[i];
        if (p->present && p->offset + p->count > end)
            end = p->offset + p->count;
    }
    /* One more than the backup takes, as in fwup. */
    return end + GPT_BACKUP_BLOCKS + 1;
}

uint64_t gpt_disk_blocks(const struct gpt_table *table, uint64_t medium_blocks)
{
    uint64_t needed = gpt_blocks_needed(table);

    return medium_blocks + 1 < needed ? needed : medium_blocks;
}

void gpt_expand(struct gpt_table *table, uint64_t blocks)
{
    for (int i = 0; i < GPT_PARTITIONS; i++) {
        struct gpt_partition *p = &table->partition[i];
        if (p->present && p->expand && blocks > p->offset + p->count + GPT_BACKUP_BLOCKS)
            p->count = blocks - GPT_BACKUP_BLOCKS - 1 - p->offset;
    }
}

/* One partition over the whole disk, so that tools without GPT support leave it alone. */
static void gpt_put_protective_mbr(uint8_t *block, uint64_t blocks)
{
    uint8_t *entry = block + GPT_MBR_ENTRY;
    uint64_t count = blocks - 1;

    memset(block, 0, BLOCK_SIZE);
    entry[2] = 2; /* CHS of block 1 */
    entry[4] = GPT_MBR_TYPE;
    memset(entry + 5, 0xff, 3);
    bytes_put_le32(entry + 8, 1);
    bytes_put_le32(entry + 12, count > UINT32_MAX ? UINT32_MAX : (uint32_t)count);
    block[510] = 0x55;
    block[511] = 0xaa;
}

static void gpt_put_entry(uint8_t *p, const struct gpt_partition *from)
{
    memcpy(p, from->type, GPT_GUID_SIZE);
    memcpy(p + 16, from->guid, GPT_GUID_SIZE);
    bytes_put_le64(p + 32, from->offset);
    bytes_put_le64(p + 40, from->offset + from->count - 1);
    bytes_put_le64(p + 48, from->flags);
    for (size_t i = 0; i < GPT_NAME_CHARS && from->name[i]; i++)
        p[56 + 2 * i] = (uint8_t)from->name[i];
}

static void gpt_put_table(const struct gpt_table *table, uint8_t *blocks)
{
    memset(blocks, 0, GPT_TABLE_BLOCKS * BLOCK_SIZE);
    for (unsigned i = 0; i < GPT_PARTITIONS; i++)
        if (table->partition[i].present)
            gpt_put_entry(blocks + i * GPT_ENTRY_SIZE, &table->partition[i]);
}

static void gpt_put_header(const struct gpt_table *table, uint64_t blocks, const uint8_t *entries,
                           bool is_backup, uint8_t *h)
{
    uint64_t here = is_backup ? blocks - 1 : 1, other = is_backup ? 1 : blocks - 1;

    memset(h, 0, BLOCK_SIZE);
    memcpy(h, "EFI PART", 8);
    bytes_put_le32(h + 8, GPT_REVISION);
    bytes_put_le32(h + 12, GPT_HEADER_SIZE);
    bytes_put_le64(h + 24, here);
    bytes_put_le64(h + 32, other);
    bytes_put_le64(h + 40, GPT_FIRST_USABLE);
    bytes_put_le64(h + 48, blocks - GPT_BACKUP_BLOCKS - 1);
    memcpy(h + 56, table->guid, GPT_GUID_SIZE);
    bytes_put_le64(h + 72, is_backup ? blocks - GPT_BACKUP_BLOCKS : 2);
    bytes_put_le32(h + 80, GPT_ENTRIES);
    bytes_put_le32(h + 84, GPT_ENTRY_SIZE);
    bytes_put_le32(h + 88, (uint32_t)crc32(0, entries, GPT_TABLE_BLOCKS * BLOCK_SIZE));
    bytes_put_le32(h + 16, (uint32_t)crc32(0, h, GPT_HEADER_SIZE));
}

void gpt_encode(const struct gpt_table *table, uint64_t blocks, uint8_t *primary, uint8_t *backup)
{
    uint8_t *entries = primary + (size_t)2 * BLOCK_SIZE;

    gpt_put_protective_mbr(primary, blocks);
    gpt_put_table(table, entries);
    gpt_put_header(table, blocks, entries, false, primary + BLOCK_SIZE);
    memcpy(backup, entries, (size_t)GPT_TABLE_BLOCKS * BLOCK_SIZE);
    gpt_put_header(table, blocks, entries, true, backup + (size_t)GPT_TABLE_BLOCKS * BLOCK_SIZE);
}
