/* SPDX-License-Identifier: Apache-2.0 */
/* A gpt section, parsed and checked (docs/fw-format.md, "GPT"); apply/gpt.h encodes it. */
#ifndef FWSSH_ENGINE_ARCHIVE_GPT_TABLE_H
#define FWSSH_ENGINE_ARCHIVE_GPT_TABLE_H

#include "base/error.h"

#include <confuse.h>
#include <stdbool.h>
#include <stdint.h>

#define GPT_PARTITIONS 16
#define GPT_GUID_SIZE 16
#define GPT_NAME_CHARS 36

struct gpt_partition {
    bool present, expand;
    uint8_t type[GPT_GUID_SIZE], guid[GPT_GUID_SIZE]; /* in on-disk byte order */
    uint64_t offset, count;                           /* blocks of 512 bytes */
    uint64_t flags;
    char name[GPT_NAME_CHARS + 1];
};

struct gpt_table {
    uint8_t guid[GPT_GUID_SIZE];
    struct gpt_partition partition[GPT_PARTITIONS];
};

/* Parses a gpt section and checks it. 0, or -1 with the error set. */
int gpt_table_read(cfg_t *section, struct gpt_table *table, struct error *err);

/* Turns boot=true into bit 2 of flags, which older appliers understand. */
int gpt_table_fold_boot(cfg_t *section, struct error *err);

#endif
