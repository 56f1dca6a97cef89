/* SPDX-License-Identifier: Apache-2.0 */
/* Finds the memory card to write, for a user with a card reader. */
#ifndef FWSSH_ENGINE_PACK_CARD_H
#define FWSSH_ENGINE_PACK_CARD_H

#include "base/buffer.h"
#include "base/error.h"

#include <stdbool.h>

/* Appends a line "path,bytes" for each removable disk of at least 1 MiB that the system does not
 * run from. */
void card_list(struct buffer *text);

/* The path of the only card; the caller frees it. NULL with the error set if there is none, or more
 * than one. */
char *card_find(struct error *err);

/*
 * The same, after asking the user, unless yes is set. stdin_is_archive: the user cannot be asked.
 */
char *card_choose(bool yes, bool stdin_is_archive, struct error *err);

#endif
