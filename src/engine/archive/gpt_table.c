/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/archive/gpt_table.h"

#include "base/number.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GPT_FLAG_BOOT 0x4u
#define GPT_TABLE_END 34u /* protective MBR, header, 32 blocks of entries */

/* A UUID as GPT stores it: the first three groups are little-endian (UEFI, Appendix A). */
static int gpt_parse_guid(const char *text, uint8_t guid[GPT_GUID_SIZE])
{
    static const uint8_t order[GPT_GUID_SIZE] = {3, 2, 1,  0,  5,  4,  7,  6,
                                                 8, 9, 10, 11, 12, 13, 14, 15};
    char digits[2 * GPT_GUID_SIZE + 1];
    uint8_t bytes[GPT_GUID_SIZE];
    size_t n = 0;

    if (!text || strlen(text) != 36)
        return -1;
    for (int i = 0; i < 36; i++) {
        bool hyphen = i == 8 || i == 13 || i == 18 || i == 23;
        if (hyphen != (text[i] == '-'))
            return -1;
        if (!hyphen)
            digits[n++] = text[i];
    }
    digits[n] = '\0';
    if (number_parse_hex(digits, bytes, sizeof bytes))
        return -1;
    for (int i = 0; i < GPT_GUID_SIZE; i++)
        guid[i] = bytes[order[i]];
    return 0;
}

static int gpt_parse_flags(const char *text, uint64_t *flags)
{
    char *end;

    errno = 0;
    *flags = strtoull(text, &end, 0);
    return errno || *end || end == text ? -1 : 0;
}

int gpt_table_fold_boot(cfg_t *section, struct error *err)
{
    for (unsigned i = 0; i < cfg_size(section, "partition"); i++) {
        cfg_t *p = cfg_getnsec(section, "partition", i);
        uint64_t flags;
        char text[32];
        if (!cfg_getbool(p, "boot"))
            continue;
        if (gpt_parse_flags(cfg_getstr(p, "flags"), &flags))
            return error_set(err, EXIT_FAILED, "partition %s's flags must be a 64-bit integer",
                             cfg_title(p));
        snprintf(text, sizeof text, "0x%" PRIx64, flags | GPT_FLAG_BOOT);
        cfg_setstr(p, "flags", text);
        cfg_setbool(p, "boot", cfg_false);
    }
    return 0;
}

static int gpt_read_partition(cfg_t *p, struct gpt_table *table, struct error *err)
{
    const char *where = cfg_getstr(p, "block-offset"), *name = cfg_getstr(p, "name");
    long count = cfg_getint(p, "block-count");
    uint64_t index;

    if (number_parse(cfg_title(p), &index) || index >= GPT_PARTITIONS ||
        table->partition[index].present)
        return error_set(err, EXIT_FAILED, "partition must be numbered 0 through %d, each once",
                         GPT_PARTITIONS - 1);
    struct gpt_partition *to = &table->partition[index];
    *to = (struct gpt_partition){.present = true, .expand = cfg_getbool(p, "expand")};
    if (gpt_parse_guid(cfg_getstr(p, "type"), to->type) ||
        gpt_parse_guid(cfg_getstr(p, "guid"), to->guid))
        return error_set(err, EXIT_FAILED, "partition %s's type and guid must be UUIDs",
                         cfg_title(p));
    if (!where || number_parse(where, &to->offset) || to->offset >= UINT32_MAX)
        return error_set(err, EXIT_FAILED,
                         "partition %s's block-offset must be specified and less than 2^32 - 1",
                         cfg_title(p));
    if (to->offset < GPT_TABLE_END)
        return error_set(err, EXIT_FAILED,
                         "partition %s starts at block %" PRIu64
                         ", but the table itself takes blocks 0 to %u",
                         cfg_title(p), to->offset, GPT_TABLE_END - 1);
    if (count < 1 || count >= INT32_MAX)
        return error_set(err, EXIT_FAILED,
                         "partition %s's block-count must be at least 1 and less than 2^31 - 1",
                         cfg_title(p));
    if (gpt_parse_flags(cfg_getstr(p, "flags"), &to->flags))
        return error_set(err, EXIT_FAILED, "partition %s's flags must be a 64-bit integer",
                         cfg_title(p));
    to->count = (uint64_t)count;
    snprintf(to->name, sizeof to->name, "%s", name ? name : "");
    return 0;
}

static int gpt_check_pair(const struct gpt_table *table, int a, int b, struct error *err)
{
    const struct gpt_partition *x = &table->partition[a], *y = &table->partition[b];

    if (a == b || !x->present || !y->present)
        return 0;
    if (x->expand && y->offset > x->offset)
        return error_set(err, EXIT_FAILED,
                         "partition %d has expand=true, so partition %d cannot come after it", a,
                         b);
    if (a < b && x->offset < y->offset + y->count && y->offset < x->offset + x->count)
        return error_set(err, EXIT_FAILED,
                         "partitions %d (blocks %" PRIu64 " to %" PRIu64 ") and %d (blocks %" PRIu64
                         " to %" PRIu64 ") overlap",
                         a, x->offset, x->offset + x->count, b, y->offset, y->offset + y->count);
    return 0;
}

int gpt_table_read(cfg_t *section, struct gpt_table *table, struct error *err)
{
    *table = (struct gpt_table){0};
    if (gpt_parse_guid(cfg_getstr(section, "guid"), table->guid))
        return error_set(err, EXIT_FAILED, "a gpt's guid must be a UUID");
    if (cfg_size(section, "partition") == 0)
        return error_set(err, EXIT_FAILED, "a gpt needs at least one partition");
    for (unsigned i = 0; i < cfg_size(section, "partition"); i++)
        if (gpt_read_partition(cfg_getnsec(section, "partition", i), table, err))
            return -1;
    for (int a = 0; a < GPT_PARTITIONS; a++)
        for (int b = 0; b < GPT_PARTITIONS; b++)
            if (gpt_check_pair(table, a, b, err))
                return -1;
    return 0;
}
