/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mbr_entry.h"

#include "base/bytes.h"

#include <string.h>

/* Cylinder, head and sector, for a geometry of 63 sectors and 255 heads. */
static void mbr_entry_put_chs(uint8_t *p, uint64_t lba)
{
    if (lba > 63ull * 255 * 1023) {
        memcpy(p, "\xfe\xff\xff", 3);
        return;
    }
    uint32_t cylinder = (uint32_t)(lba / (63 * 255));
    p[0] = (uint8_t)(lba / 63 % 255);
    p[1] = (uint8_t)((lba % 63 + 1) | (cylinder >> 2 & 0xc0));
    p[2] = (uint8_t)cylinder;
}

void mbr_entry_put(uint8_t *p, const struct mbr_entry *entry)
{
    memset(p, 0, MBR_ENTRY);
    if (entry->type) {
        p[0] = entry->boot ? 0x80 : 0;
        mbr_entry_put_chs(p + 1, entry->start);
        p[4] = entry->type;
        mbr_entry_put_chs(p + 5, (uint64_t)entry->start + entry->count - 1);
    }
    bytes_put_le32(p + 8, entry->start);
    bytes_put_le32(p + 12, entry->count);
}

bool mbr_entry_read(const uint8_t block[MBR_SIZE], int n, struct mbr_entry *entry)
{
    const uint8_t *p = block + MBR_TABLE + MBR_ENTRY * n;

    if (block[510] != 0x55 || block[511] != 0xaa)
        return false;
    *entry = (struct mbr_entry){.boot = p[0] == 0x80,
                                .type = p[4],
                                .start = bytes_le32(p + 8),
                                .count = bytes_le32(p + 12)};
    return true;
}
