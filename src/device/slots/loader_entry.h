/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What systemd-boot knows: its EFI variables, and the boot entries, whose file names count the
 * tries (systemd.io, "Automatic Boot Assessment" and "Boot Loader Specification"):
 *
 *   NAME+LEFT[-DONE].conf or .efi   on trial; with LEFT 0 it is bad, and comes last
 *   NAME.conf or .efi               good
 */
#ifndef FWSSH_DEVICE_SLOTS_LOADER_ENTRY_H
#define FWSSH_DEVICE_SLOTS_LOADER_ENTRY_H

#include "base/error.h"

#include <stdbool.h>

struct loader_entry {
    char *path;   /* of the file */
    char *id;     /* without counter and suffix */
    bool counted; /* it has a counter: it is not known to be good */
    unsigned left;
};

struct loader_entries {
    struct loader_entry *entry;
    int count;
};

/* The value of a variable of systemd-boot's, such as LoaderEntrySelected; "" if it is not set. The
 * caller frees it. */
char *loader_variable(const char *name);

/* The same, as an entry's id: without directory, counter and suffix. */
char *loader_variable_id(const char *name);

/* All entries on the boot partitions. loader_entries_free() in any case. */
void loader_entries_read(struct loader_entries *list);
void loader_entries_free(struct loader_entries *list);

/* NULL if there is none of that id, or several files with different counters. */
struct loader_entry *loader_entries_find(const struct loader_entries *list, const char *id);

/* Marks it as good, as systemd-bless-boot does: the counter goes from its name. Returns 0, or -1
 * with the error set. */
int loader_entry_bless(const struct loader_entry *entry, struct error *err);

#endif
