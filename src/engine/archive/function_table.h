/* Every function and requirement that a task can name, and what its arguments must look like. */
#ifndef FWSSH_ENGINE_ARCHIVE_FUNCTION_TABLE_H
#define FWSSH_ENGINE_ARCHIVE_FUNCTION_TABLE_H

#include "base/error.h"

#include <stdbool.h>

#define FUNCTION_ARGS_MAX 9

struct function_spec {
    const char *name;
    int min_args, max_args;
    /*
     * One letter an argument, the last one repeated: o block offset, c count of at least 1, b byte
     * value, n partition number, m name of an mbr section, g of a gpt section, u of a
     * uboot-environment section, a attributes of R, H, S, t text.
     */
    const char *kinds;
    const char *usage;
    bool resource_only; /* reads the resource's data */
    bool requirement;
};

/* NULL if there is no such name. Both lists end with a NULL name. */
const struct function_spec *function_find(const char *name);
extern const struct function_spec function_specs[];

/*
 * Checks the number and the form of the arguments (docs/fw-format.md, "Functions"). An argument
 * that still holds ${...} is left for the time of applying.
 */
int function_check(const struct function_spec *spec, int argc, const char *const *argv,
                   bool creating, struct error *err);

#endif
