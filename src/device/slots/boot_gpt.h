/* SPDX-License-Identifier: Apache-2.0 */
/* Whether a GPT boots something else than at the first look since the boot, and the way back. */
#ifndef FWSSH_DEVICE_SLOTS_BOOT_GPT_H
#define FWSSH_DEVICE_SLOTS_BOOT_GPT_H

#include "device/slots/gpt_disk.h"

#define BOOT_GPT_PREFIX "gpt:"

/* All used entries as a word, to compare with later and to go back to; "" if that would be too
 * long. The caller frees it. */
char *boot_gpt_mark(const struct gpt_disk *g);

/* Entry n as it was with that mark; false if there was none. */
bool boot_gpt_find(const struct gpt_disk *g, const char *mark, uint32_t n,
                   uint8_t entry[GPT_ENTRY_MIN]);

/* The two entries that can be slots (boot_table.h); first is -1 if there are none. */
void boot_gpt_find_slots(const struct gpt_disk *g, int *first, int *second);

/* Whether an entry of the mark begins elsewhere now, or its flag for BIOS boot loaders has changed.
 * What was added or has grown changes nothing. */
bool boot_gpt_has_moved(const struct gpt_disk *g, const char *mark);

/* Entries that were there then become what they were; what was added or has grown since then stays.
 * Returns 0, or -1 if the mark is none, or two entries would overlap: then g is not to be written.
 */
int boot_gpt_restore(struct gpt_disk *g, const char *mark);

#endif
