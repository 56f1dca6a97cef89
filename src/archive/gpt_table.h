/* A gpt section of a configuration, checked (docs/fw-format.md, "GPT"). */
#ifndef FWSSH_ARCHIVE_GPT_TABLE_H
#define FWSSH_ARCHIVE_GPT_TABLE_H

#include "base/error.h"

#include <confuse.h>

#define GPT_PARTITIONS 16

int gpt_table_check(cfg_t *section, struct error *err);

/* boot=true becomes bit 2 of flags, so that older appliers understand the archive. */
int gpt_table_fold_boot(cfg_t *section, struct error *err);

#endif
