/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/archive/mbr_table.h"

#include "base/number.h"

#include <inttypes.h>
#include <string.h>

static bool mbr_is_extended(const struct mbr_partition *p)
{
    return p->present && (p->type == 0x05 || p->type == 0x0f);
}

static int mbr_read_partition(cfg_t *section, struct mbr_table *table, struct error *err)
{
    uint64_t index, offset;
    long type = cfg_getint(section, "type"), count = cfg_getint(section, "block-count");
    const char *where = cfg_getstr(section, "block-offset");

    if (number_parse(cfg_title(section), &index) || index >= MBR_PARTITIONS)
        return error_set(err, EXIT_FAILED, "partition must be numbered 0 through %d",
                         MBR_PARTITIONS - 1);
    struct mbr_partition *p = &table->partition[index];
    if (p->present)
        return error_set(err, EXIT_FAILED, "invalid or duplicate partition number %" PRIu64, index);
    if (type < 0 || type > 0xff)
        return error_set(err, EXIT_FAILED, "partition %" PRIu64 "'s type must be between 0 and 255",
                         index);
    if (!where || number_parse(where, &offset) || offset >= UINT32_MAX)
        return error_set(
            err, EXIT_FAILED,
            "partition %" PRIu64 "'s block-offset must be specified and less than 2^32 - 1", index);
    p->present = true;
    p->type = (uint8_t)type;
    p->offset = (uint32_t)offset;
    p->boot = cfg_getbool(section, "boot");
    p->expand = cfg_getbool(section, "expand");
    bool extended = index == 3 && mbr_is_extended(p);
    if (count < 0 || (count >= INT32_MAX && !extended))
        return error_set(
            err, EXIT_FAILED,
            "partition %" PRIu64 "'s block-count must be specified and less than 2^31 - 1", index);
    p->count = extended && count >= INT32_MAX ? 1 : (uint32_t)count;
    if (extended)
        p->expand = true;
    return 0;
}

/* One that grows has a block at least. */
static uint64_t mbr_end(const struct mbr_partition *p)
{
    return (uint64_t)p->offset + (p->count || !p->expand ? p->count : 1);
}

/* Of type 0, or without length: existing archives have such entries anywhere. */
static bool mbr_is_empty(const struct mbr_partition *p)
{
    return !p->present || !p->type || (!p->count && !p->expand);
}

static int mbr_check_pair(const struct mbr_table *table, int a, int b, struct error *err)
{
    const struct mbr_partition *pa = &table->partition[a], *pb = &table->partition[b];

    if (mbr_is_empty(pa) || mbr_is_empty(pb) || pa->offset >= mbr_end(pb) ||
        pb->offset >= mbr_end(pa))
        return 0;
    return error_set(err, EXIT_FAILED,
                     "partitions %d (blocks %u to %" PRIu64 ") and %d (blocks %u to %" PRIu64
                     ") overlap",
                     a, pa->offset, mbr_end(pa), b, pb->offset, mbr_end(pb));
}

/* Logical partitions 4 to 11 lie inside partition 3, whose first blocks hold one EBR for each of
 * them, also for empty ones: their place is relative to it. */
static int mbr_check_logical(const struct mbr_table *table, struct error *err)
{
    const struct mbr_partition *ext = &table->partition[3];
    int logical = 0;

    for (int i = MBR_PRIMARIES; i < MBR_PARTITIONS; i++)
        logical += table->partition[i].present;
    if (!logical)
        return 0;
    if (!mbr_is_extended(ext))
        return error_set(err, EXIT_FAILED,
                         "to use more than 4 partitions with MBR, partition 3 must have extended "
                         "partition type 0xf or 0x5");
    for (int i = MBR_PRIMARIES; i < MBR_PARTITIONS; i++) {
        const struct mbr_partition *p = &table->partition[i];
        if (!p->present)
            continue;
        if (p->offset < ext->offset)
            return error_set(
                err, EXIT_FAILED,
                "partition 3, the extended partition, is expected to contain partition %d", i);
        for (int k = 0; k < logical; k++) {
            uint64_t ebr = (uint64_t)ext->offset + (uint64_t)k;
            if (p->offset <= ebr && ebr < mbr_end(p))
                return error_set(err, EXIT_FAILED,
                                 "partition %d (blocks %u to %" PRIu64
                                 ") overlaps the EBR at %" PRIu64 " for partition %d",
                                 i, p->offset, mbr_end(p), ebr, MBR_PRIMARIES + k);
        }
    }
    return 0;
}

static int mbr_check(const struct mbr_table *table, struct error *err)
{
    bool extended = mbr_is_extended(&table->partition[3]);

    if (mbr_check_logical(table, err))
        return -1;
    for (int a = 0; a < MBR_PARTITIONS; a++) {
        if (a == 3 && extended)
            continue;
        for (int b = a + 1; b < MBR_PARTITIONS; b++)
            if (!(b == 3 && extended) && mbr_check_pair(table, a, b, err))
                return -1;
    }
    for (int a = 0; a < MBR_PARTITIONS; a++) {
        const struct mbr_partition *p = &table->partition[a];
        for (int b = 0; a != 3 && !mbr_is_empty(p) && p->expand && b < MBR_PARTITIONS; b++)
            if (!mbr_is_empty(&table->partition[b]) && table->partition[b].offset > p->offset)
                return error_set(
                    err, EXIT_FAILED,
                    "partition %d has expand=true, so partition %d cannot come after it", a, b);
    }
    return 0;
}

static int mbr_read_osip(cfg_t *section, struct mbr_table *table, struct error *err)
{
    table->has_osip = cfg_getbool(section, "include-osip");
    table->osip_major = (uint8_t)cfg_getint(section, "osip-major");
    table->osip_minor = (uint8_t)cfg_getint(section, "osip-minor");
    table->osip_pointers = (uint8_t)cfg_getint(section, "osip-num-pointers");
    if (table->has_osip && table->has_bootstrap)
        return error_set(err, EXIT_FAILED, "an mbr cannot have both bootstrap code and OSIP");
    for (unsigned i = 0; i < cfg_size(section, "osii"); i++) {
        cfg_t *sub = cfg_getnsec(section, "osii", i);
        uint64_t index;
        /* Only 15 images fit before the partition table. */
        if (number_parse(cfg_title(sub), &index) || index >= MBR_OSII_MAX - 1)
            return error_set(err, EXIT_FAILED, "osii must be numbered 0 through %d",
                             MBR_OSII_MAX - 2);
        if ((int)index + 1 > table->osii_count)
            table->osii_count = (int)index + 1;
        table->osii[index] = (struct mbr_osii){
            .major = (uint16_t)cfg_getint(sub, "os-major"),
            .minor = (uint16_t)cfg_getint(sub, "os-minor"),
            .start = (uint32_t)cfg_getint(sub, "start-block-offset"),
            .load = (uint32_t)cfg_getint(sub, "ddr-load-address"),
            .entry = (uint32_t)cfg_getint(sub, "entry-point"),
            .blocks = (uint32_t)cfg_getint(sub, "image-size-blocks"),
            .attribute = (uint8_t)cfg_getint(sub, "attribute"),
        };
    }
    return 0;
}

int mbr_table_read(cfg_t *section, struct mbr_table *table, struct error *err)
{
    const char *bootstrap = cfg_getstr(section, "bootstrap-code");
    const char *signature = cfg_getstr(section, "signature");
    uint64_t value;

    *table = (struct mbr_table){0};
    if (bootstrap && *bootstrap) {
        if (number_parse_hex(bootstrap, table->bootstrap, MBR_BOOTSTRAP_SIZE))
            return error_set(err, EXIT_FAILED, "bootstrap-code must be %d bytes in hex",
                             MBR_BOOTSTRAP_SIZE);
        table->has_bootstrap = true;
    }
    if (signature && *signature) {
        if (number_parse(signature, &value) || value > UINT32_MAX)
            return error_set(err, EXIT_FAILED, "the mbr's signature must be a 32-bit number");
        table->signature = (uint32_t)value;
    }
    for (unsigned i = 0; i < cfg_size(section, "partition"); i++)
        if (mbr_read_partition(cfg_getnsec(section, "partition", i), table, err))
            return -1;
    if (mbr_check(table, err))
        return -1;
    return mbr_read_osip(section, table, err);
}
