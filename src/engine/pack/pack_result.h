/*
 * For the program that started us: what an exit status cannot tell, as lines on the descriptor that
 * FWSSH_RESULT_FD names (PROTOCOL.md, "The updater"). Without it nothing is told.
 */
#ifndef FWSSH_ENGINE_PACK_PACK_RESULT_H
#define FWSSH_ENGINE_PACK_PACK_RESULT_H

#include "engine/archive/meta.h"

#include <stdbool.h>

/* The descriptor, or -1. */
int pack_result_fd(void);

/* "switching": what decides what boots is about to be written; or "switched back". */
void pack_result_switching(bool begins);

/* "STATUS UUID VERSION", at the very end. */
void pack_result_tell(int status, const struct meta_identity *identity);

#endif
