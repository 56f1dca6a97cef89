#include "archive/gpt_table.h"

#include "base/number.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GPT_FLAG_BOOT 0x4u

static bool gpt_is_uuid(const char *text)
{
    if (!text || strlen(text) != 36)
        return false;
    for (int i = 0; i < 36; i++) {
        bool hyphen = i == 8 || i == 13 || i == 18 || i == 23;
        if (hyphen ? text[i] != '-' : !isxdigit((unsigned char)text[i]))
            return false;
    }
    return true;
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

struct gpt_range {
    bool present, expand;
    uint64_t offset, end;
};

static int gpt_check_partition(cfg_t *p, struct gpt_range *ranges, struct error *err)
{
    const char *where = cfg_getstr(p, "block-offset");
    long count = cfg_getint(p, "block-count");
    uint64_t index, offset, flags;

    if (number_parse(cfg_title(p), &index) || index >= GPT_PARTITIONS || ranges[index].present)
        return error_set(err, EXIT_FAILED, "partition must be numbered 0 through %d, each once",
                         GPT_PARTITIONS - 1);
    if (!gpt_is_uuid(cfg_getstr(p, "type")) || !gpt_is_uuid(cfg_getstr(p, "guid")))
        return error_set(err, EXIT_FAILED, "partition %s's type and guid must be UUIDs",
                         cfg_title(p));
    if (!where || number_parse(where, &offset) || offset >= UINT32_MAX)
        return error_set(err, EXIT_FAILED,
                         "partition %s's block-offset must be specified and less than 2^32 - 1",
                         cfg_title(p));
    if (count < 0 || count >= INT32_MAX)
        return error_set(err, EXIT_FAILED,
                         "partition %s's block-count must be specified and less than 2^31 - 1",
                         cfg_title(p));
    if (gpt_parse_flags(cfg_getstr(p, "flags"), &flags))
        return error_set(err, EXIT_FAILED, "partition %s's flags must be a 64-bit integer",
                         cfg_title(p));
    ranges[index] = (struct gpt_range){
        .present = true,
        .expand = cfg_getbool(p, "expand"),
        .offset = offset,
        .end = offset + (uint64_t)count,
    };
    return 0;
}

int gpt_table_check(cfg_t *section, struct error *err)
{
    struct gpt_range ranges[GPT_PARTITIONS] = {0};

    if (!gpt_is_uuid(cfg_getstr(section, "guid")))
        return error_set(err, EXIT_FAILED, "a gpt's guid must be a UUID");
    if (cfg_size(section, "partition") == 0)
        return error_set(err, EXIT_FAILED, "a gpt needs at least one partition");
    for (unsigned i = 0; i < cfg_size(section, "partition"); i++)
        if (gpt_check_partition(cfg_getnsec(section, "partition", i), ranges, err))
            return -1;
    for (int a = 0; a < GPT_PARTITIONS; a++)
        for (int b = 0; b < GPT_PARTITIONS; b++) {
            if (a == b || !ranges[a].present || !ranges[b].present)
                continue;
            if (ranges[a].expand && ranges[b].offset > ranges[a].offset)
                return error_set(err, EXIT_FAILED,
                                 "partition %d has expand=true, so partition %d can't be behind it",
                                 a, b);
            if (a < b && ranges[a].offset < ranges[b].end && ranges[b].offset < ranges[a].end)
                return error_set(err, EXIT_FAILED,
                                 "partitions %d (blocks %" PRIu64 " to %" PRIu64
                                 ") and %d (blocks %" PRIu64 " to %" PRIu64 ") overlap",
                                 a, ranges[a].offset, ranges[a].end, b, ranges[b].offset,
                                 ranges[b].end);
        }
    return 0;
}
