/* funlist and reqlist: calls as flat lists of strings, each as count, name and arguments. */
#ifndef FWSSH_ENGINE_APPLY_CALL_LIST_H
#define FWSSH_ENGINE_APPLY_CALL_LIST_H

#include "engine/archive/function_table.h"

#include <confuse.h>

struct call {
    const char *name;
    int argc;
    const char *argv[FUNCTION_ARGS_MAX]; /* the configuration's */
};

/* The call that begins at element *at, which moves behind it: 1, 0 at the end, -1 on a malformed
 * list. */
int call_list_next(cfg_t *section, const char *list, unsigned *at, struct call *call,
                   struct error *err);

#endif
