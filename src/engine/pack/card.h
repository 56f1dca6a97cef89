/* Finding the one memory card that a person at a desk means. */
#ifndef FWSSH_ENGINE_PACK_CARD_H
#define FWSSH_ENGINE_PACK_CARD_H

#include "base/buffer.h"
#include "base/error.h"

#include <stdbool.h>

/* One line "path,bytes" for each removable disk of at least 1 MiB that the system does not run
 * from. */
void card_list(struct buffer *text);

/* The path of the only one; the caller frees it. NULL with the error set if there is none, or more.
 */
char *card_find(struct error *err);

/* The same, after the person has agreed. stdin_is_archive: nobody can be asked. */
char *card_choose(bool yes, bool stdin_is_archive, struct error *err);

#endif
