/* What an exit status cannot say, for the calling program: lines on the descriptor that
 * FWSSH_RESULT_FD names (PROTOCOL.md, "The updater"). Without that variable, nothing is written. */
#ifndef FWSSH_ENGINE_PACK_PACK_RESULT_H
#define FWSSH_ENGINE_PACK_PACK_RESULT_H

#include "engine/archive/meta.h"

#include <stdbool.h>

/* The descriptor, or -1. */
int pack_result_fd(void);

/*
 * Writes "switching": the boot switch is about to be written; or "switched back": that was undone.
 */
void pack_result_switching(bool begins);

/* Writes "STATUS UUID VERSION", at the very end. */
void pack_result_tell(int status, const struct meta_identity *identity);

#endif
