/* SPDX-License-Identifier: Apache-2.0 */
/*
 * funlist and reqlist: flat lists of strings in which each call is a count, a name and arguments.
 */
#ifndef FWSSH_ENGINE_APPLY_CALL_LIST_H
#define FWSSH_ENGINE_APPLY_CALL_LIST_H

#include "engine/archive/function_table.h"

#include <confuse.h>

struct call {
    const char *name;
    int argc;
    const char *argv[FUNCTION_ARGS_MAX]; /* owned by the configuration */
};

/* Reads the call at element *at and advances *at past it: 1, 0 at the end, -1 if the list is
 * malformed. */
int call_list_next(cfg_t *section, const char *list, unsigned *at, struct call *call,
                   struct error *err);

#endif
